insert into pg_temp.staging_1 (_n, c1, c2, c3)
select s._n | 549755813888, 'D', s.c2, coalesce(nullif(s.c8, ''), s.c3)
from pg_temp.staging_1 s where s.c1 = 'U' and (nullif(s.c8, '') is distinct from coalesce(s.c3, '') and nullif(s.c8, '') is not null);

insert into pg_temp.drayage_bad (_n, round, sqlstate, reason, column_name, constraint_name, message)
select (b._n & ~549755813888::bigint), b.round, b.sqlstate, b.reason, b.column_name, b.constraint_name, b.message from pg_temp.drayage_bad b where not (b._n & 549755813888) = 0
on conflict do nothing;

delete from pg_temp.drayage_bad b where not (b._n & 549755813888) = 0;

delete from pg_temp.staging_1 s using pg_temp.drayage_bad b where b._n = (s._n & ~549755813888::bigint);

insert into pg_temp.drayage_verdict (_n, round, place, verdict)
select s._n, 0, null,
  case
    when (t._version, t._record) > (4611686018427387905::bigint, (s._n & 549755813887)::integer) then 'stale'
    when (m._version, m._record) > (4611686018427387905::bigint, (s._n & 549755813887)::integer) then 'stale'
    when s.op = 'D' then case when m."id" is not null then 'deleted' else 'absent' end
    when not (m."id" is not null) then 'inserted'
    when (m._version, m._record) = (4611686018427387905::bigint, (s._n & 549755813887)::integer) then 'same'
    else 'updated'
  end
from (
  select distinct on (k0) * from (
    select s._n, s.c1 as op, (s.c3)::bigint as k0
    from pg_temp.staging_1 s
    where not exists (select from pg_temp.drayage_bad b where b._n = (s._n & ~549755813888::bigint))
  ) c
  order by k0, (_n & ~549755813888::bigint) desc, -_n desc
) s
left join "shop"."orders" m on m."id" = s.k0
left join "drayage"."tombstones_1" t on t."id" = s.k0;

insert into "drayage"."tombstones_1" as t ("id", _version, _record, deleted_at)
select (s.c3)::bigint, 4611686018427387905::bigint, (s._n & 549755813887)::integer, now()
from pg_temp.drayage_verdict v
join pg_temp.staging_1 s on s._n = v._n
where v.verdict in ('deleted', 'absent') and v.round = 0
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
  "_version" = 4611686018427387905::bigint,
  "_record" = (s._n & 549755813887)::integer,
  "_object" = 41::bigint,
  "_loaded_at" = now(),
  "_op_ts" = (nullif(s.c2, ''))::timestamptz
from pg_temp.drayage_verdict v
join pg_temp.staging_1 s on s._n = v._n
where (v.verdict = 'updated' or (v.verdict = 'same' and not record_image_eq(row(m."id", m."status", m."total", m."quo""ted", m."gone"), row(((s.c3)::bigint)::bigint, (s.c4)::text, ((s.c5)::numeric)::numeric(12,2), ((s.c6)::timestamptz)::timestamp with time zone, (null::text)::text)))) and v.round = 0 and m."id" = (s.c3)::bigint
returning v._n, v.verdict
)
update pg_temp.drayage_verdict v set verdict = 'updated' from changed where changed._n = v._n and changed.verdict = 'same';

insert into "shop"."orders" ("id", "status", "total", "quo""ted", "gone", "_version", "_record", "_object", "_loaded_at", "_op_ts")
select (s.c3)::bigint, s.c4, (s.c5)::numeric, (s.c6)::timestamptz, null::text, 4611686018427387905::bigint, (s._n & 549755813887)::integer, 41::bigint, now(), (nullif(s.c2, ''))::timestamptz
from pg_temp.drayage_verdict v
join pg_temp.staging_1 s on s._n = v._n
where v.verdict = 'inserted' and v.round = 0;

delete from "drayage"."tombstones_1" t using pg_temp.drayage_verdict v, pg_temp.staging_1 s
where s._n = v._n and v.verdict in ('inserted', 'updated') and v.round = 0 and t."id" = (s.c3)::bigint;

select (v._n >> 40)::integer as ordinal, v.verdict, count(*)::integer as count
from pg_temp.drayage_verdict v where not exists (select from pg_temp.drayage_bad b where b._n = v._n) and (v._n & 549755813888) = 0 group by 1, 2;

with c as (
    select s._n, s.c1 as op, (s.c3)::bigint as k0
    from pg_temp.staging_1 s
    where not exists (select from pg_temp.drayage_bad b where b._n = (s._n & ~549755813888::bigint))
  ), w as (
    select c.*, v.verdict from c join pg_temp.drayage_verdict v on v._n = c._n where not exists (select from pg_temp.drayage_bad b where b._n = v._n) and v.verdict <> 'ignored'
  )
select (l._n >> 40)::integer as ordinal, case when w.verdict = 'stale' then 'stale' else 'superseded' end as verdict, count(*)::integer as count
from c l join w on l.k0 = w.k0 and ((l._n & ~549755813888::bigint), -l._n) < ((w._n & ~549755813888::bigint), -w._n) and (l._n & 549755813888) = 0
group by 1, 2;

insert into pg_temp.drayage_step (place, _n)
select dense_rank() over (order by (c._n & ~549755813888::bigint)), c._n from (
    select s._n, s.c1 as op, case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end as k0
    from pg_temp.staging_1 s
    where not exists (select from pg_temp.drayage_bad b where b._n = (s._n & ~549755813888::bigint))
  ) c;

insert into pg_temp.drayage_verdict (_n, round, place, verdict)
select s._n, 0, s.place,
  case
    when (t._version, t._record) > (4611686018427387905::bigint, (s._n & 549755813887)::integer) then 'stale'
    when (m._version, m._record) > (4611686018427387905::bigint, (s._n & 549755813887)::integer) then 'stale'
    when s.op = 'D' then case when m."id" is not null then 'deleted' else 'absent' end
    when not (m."id" is not null) then 'inserted'
    when (m._version, m._record) = (4611686018427387905::bigint, (s._n & 549755813887)::integer) then 'same'
    else 'updated'
  end
from (
  select distinct on (k0) * from (
    select st.place, s._n, s.c1 as op, case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end as k0
    from pg_temp.drayage_step st join pg_temp.staging_1 s on s._n = st._n
    where st.place between drayage_lo and drayage_hi
  ) c
  order by k0, (_n & ~549755813888::bigint) desc, -_n desc
) s
left join "shop"."orders" m on m."id" = s.k0
left join "drayage"."tombstones_1" t on t."id" = s.k0;

with c as (
    select s._n, s.c1 as op, case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end as k0
    from pg_temp.staging_1 s
    where not exists (select from pg_temp.drayage_bad b where b._n = (s._n & ~549755813888::bigint))
  ), r as (
    select c.*, v.place, v.verdict, max(v.place) over w as last, min(v.place) filter (where v.verdict <> 'stale') over w as first
    from pg_temp.drayage_verdict v join c on c._n = v._n where v.verdict <> 'ignored' window w as (partition by k0)
  ), t as (
    select r.*, bool_or(place = first and verdict in ('updated', 'same', 'deleted')) over (partition by k0) as was_there from r
  )
update pg_temp.drayage_verdict v set verdict = case
    when t.place < t.last then 'lost'
    when t.first = t.last or t.verdict = 'stale' then t.verdict
    when t.op = 'D' then case when t.was_there then 'deleted' else 'absent' end
    when t.was_there then 'updated' else 'inserted'
  end
from t where t._n = v._n;

delete from pg_temp.drayage_verdict where verdict = 'lost';
