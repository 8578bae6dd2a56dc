select count(*) as total,
  count(*) filter (where s.c1 is null or s.c1 not in ('I', 'U', 'D')) as bad_op,
  count(*) filter (where s.c1 = 'D') as deletes,
  count(*) filter (where s.c3 is null) as null_key,
  count(*) filter (where s.c8 is null or s.c8 !~ '^[0-9]{1,38}$') as no_order,
  count(*) filter (where position('_' in s.c3) > 0 or ((s.c3 collate "C" < '1' or s.c3 collate "C" >= ':') and s.c3 ~ '^\s*[-+]?0[xXoObB]')) as s0,
  count(*) filter (where s.c5 not like '%.__' and ((position('.' in s.c5) > 0 and length(s.c5) - position('.' in s.c5) > 2) or position('e' in s.c5) > 0 or position('E' in s.c5) > 0)) as s1,
  count(*) filter (where s.c6 <> '' and ((s.c6 collate "C" < '0' or s.c6 collate "C" >= ':') or s.c6 not like '____-__-__%' or (octet_length(s.c6) > 26 and not substr(s.c6, 27, 1) collate "C" not between '0' and '9'))) as s2
from pg_temp.staging_1 s;

insert into pg_temp.drayage_verdict (_n, round, place, verdict)
select s._n, 0, null,
  case
    when (t._version, t._record) > ((s.seq::text || o.version)::numeric(57,19), (s._n & 549755813887)::integer) then 'stale'
    when (m._version, m._record) > ((s.seq::text || o.version)::numeric(57,19), (s._n & 549755813887)::integer) then 'stale'
    when s.op = 'D' then case when m."id" is not null then 'deleted' else 'absent' end
    when not (m."id" is not null) then case when (s.seq::text || o.version)::numeric(57,19) > 17.0000000000000000000 then 'inserted' else 'stale' end
    when (m._version, m._record) = ((s.seq::text || o.version)::numeric(57,19), (s._n & 549755813887)::integer) then 'same'
    else 'updated'
  end
from (
  select distinct on (k0) * from (
    select s._n, s.c1 as op, (s.c3)::bigint as k0, (s.c8)::numeric as seq
    from pg_temp.staging_1 s
    where not exists (select from pg_temp.drayage_bad b where b._n = s._n)
  ) c
  order by k0, seq desc, _n desc
) s
join (values (0, 41::bigint, '.4611686018427387905'), (1, 42::bigint, '.4611686018427453441')) as o (ordinal, id, version) on o.ordinal = s._n >> 40
left join "shop"."orders" m on m."id" = s.k0
left join "drayage"."tombstones_1" t on t."id" = s.k0;

insert into "drayage"."tombstones_1" as t ("id", _version, _record, deleted_at)
select (s.c3)::bigint, (s.c8 || o.version)::numeric(57,19), (s._n & 549755813887)::integer, now()
from pg_temp.drayage_verdict v
join pg_temp.staging_1 s on s._n = v._n
join (values (0, 41::bigint, '.4611686018427387905'), (1, 42::bigint, '.4611686018427453441')) as o (ordinal, id, version) on o.ordinal = s._n >> 40
where v.verdict in ('deleted', 'absent') and v.round = 0 and (s.c8 || o.version)::numeric(57,19) > 17.0000000000000000000
on conflict ("id") do update set _version = excluded._version, _record = excluded._record, deleted_at = excluded.deleted_at
where (t._version, t._record) <= (excluded._version, excluded._record);

delete from "shop"."orders" m using pg_temp.drayage_verdict v, pg_temp.staging_1 s
where s._n = v._n and v.verdict = 'deleted' and v.round = 0 and m."id" = (s.c3)::bigint;

with changed as (
update "shop"."orders" m set
  "status" = s.c4,
  "total" = (s.c5)::numeric,
  "quo""ted" = (s.c6)::timestamptz,
  "gone" = null::text,
  "_version" = (s.c8 || o.version)::numeric(57,19),
  "_record" = (s._n & 549755813887)::integer,
  "_object" = o.id,
  "_loaded_at" = now(),
  "_op_ts" = (nullif(s.c2, ''))::timestamptz
from pg_temp.drayage_verdict v
join pg_temp.staging_1 s on s._n = v._n
join (values (0, 41::bigint, '.4611686018427387905'), (1, 42::bigint, '.4611686018427453441')) as o (ordinal, id, version) on o.ordinal = s._n >> 40
where (v.verdict = 'updated' or (v.verdict = 'same' and not record_image_eq(row(m."id", m."status", m."total", m."quo""ted", m."gone"), row(((s.c3)::bigint)::bigint, (s.c4)::text, ((s.c5)::numeric)::numeric(12,2), ((s.c6)::timestamptz)::timestamp with time zone, (null::text)::text)))) and v.round = 0 and m."id" = (s.c3)::bigint
returning v._n, v.verdict
)
update pg_temp.drayage_verdict v set verdict = 'updated' from changed where changed._n = v._n and changed.verdict = 'same';

insert into "shop"."orders" ("id", "status", "total", "quo""ted", "gone", "_version", "_record", "_object", "_loaded_at", "_op_ts")
select (s.c3)::bigint, s.c4, (s.c5)::numeric, (s.c6)::timestamptz, null::text, (s.c8 || o.version)::numeric(57,19), (s._n & 549755813887)::integer, o.id, now(), (nullif(s.c2, ''))::timestamptz
from pg_temp.drayage_verdict v
join pg_temp.staging_1 s on s._n = v._n
join (values (0, 41::bigint, '.4611686018427387905'), (1, 42::bigint, '.4611686018427453441')) as o (ordinal, id, version) on o.ordinal = s._n >> 40
where v.verdict = 'inserted' and v.round = 0;

delete from "drayage"."tombstones_1" t using pg_temp.drayage_verdict v, pg_temp.staging_1 s
where s._n = v._n and v.verdict in ('inserted', 'updated') and v.round = 0 and t."id" = (s.c3)::bigint;

select (v._n >> 40)::integer as ordinal, v.verdict, count(*)::integer as count
from pg_temp.drayage_verdict v where not exists (select from pg_temp.drayage_bad b where b._n = v._n) group by 1, 2;

with c as (
    select s._n, s.c1 as op, (s.c3)::bigint as k0, (s.c8)::numeric as seq
    from pg_temp.staging_1 s
    where not exists (select from pg_temp.drayage_bad b where b._n = s._n)
  ), w as (
    select c.*, v.verdict from c join pg_temp.drayage_verdict v on v._n = c._n where not exists (select from pg_temp.drayage_bad b where b._n = v._n) and v.verdict <> 'ignored'
  )
select (l._n >> 40)::integer as ordinal, case when w.verdict = 'stale' then 'stale' else 'superseded' end as verdict, count(*)::integer as count
from c l join w on l.k0 = w.k0 and (l.seq, l._n) < (w.seq, w._n)
group by 1, 2;
