select count(*) as total,
  0 as bad_op,
  0 as deletes,
  count(*) filter (where s.c1 is null) as null_key,
  count(*) filter (where s.c4 <> '' and ((s.c4 collate "C" < '0' or s.c4 collate "C" >= ':') or s.c4 not like '____-__-__%' or (octet_length(s.c4) > 26 and not substr(s.c4, 27, 1) collate "C" not between '0' and '9'))) as s0
from pg_temp.staging_1 s;

insert into pg_temp.drayage_verdict (_n, round, place, verdict)
select s._n, 0, null,
  case
    when (m._version, m._record) > (4611686018427387905::bigint, (s._n & 549755813887)::integer) then 'stale'
    when s.op = 'D' then case when m."_id" is not null then 'deleted' else 'absent' end
    when not (m."_id" is not null) then 'inserted'
    when (m._version, m._record) = (4611686018427387905::bigint, (s._n & 549755813887)::integer) then 'same'
    else 'updated'
  end
from (
  select distinct on (k0) * from (
    select s._n, 'I' as op, s.c1 as k0
    from pg_temp.staging_1 s
    where not exists (select from pg_temp.drayage_bad b where b._n = s._n)
  ) c
  order by k0, _n desc
) s
left join "crm"."customers" m on m."_id" = s.k0;

update "crm"."customers" m set
  "tier_and_details" = s.c3::jsonb,
  "birthdate" = (s.c4)::timestamptz,
  "_rescued" = s.c5::jsonb,
  "_version" = 4611686018427387905::bigint,
  "_record" = (s._n & 549755813887)::integer,
  "_object" = 41::bigint,
  "_loaded_at" = now()
from pg_temp.drayage_verdict v
join pg_temp.staging_1 s on s._n = v._n
where v.verdict = 'updated' and v.round = 0 and m."_id" = s.c1;

insert into "crm"."customers" ("_id", "tier_and_details", "birthdate", "_rescued", "_version", "_record", "_object", "_loaded_at")
select s.c1, s.c3::jsonb, (s.c4)::timestamptz, s.c5::jsonb, 4611686018427387905::bigint, (s._n & 549755813887)::integer, 41::bigint, now()
from pg_temp.drayage_verdict v
join pg_temp.staging_1 s on s._n = v._n
where v.verdict = 'inserted' and v.round = 0;

select (v._n >> 40)::integer as ordinal, v.verdict, count(*)::integer as count
from pg_temp.drayage_verdict v where not exists (select from pg_temp.drayage_bad b where b._n = v._n) group by 1, 2;

with c as (
    select s._n, 'I' as op, s.c1 as k0
    from pg_temp.staging_1 s
    where not exists (select from pg_temp.drayage_bad b where b._n = s._n)
  ), w as (
    select c.*, v.verdict from c join pg_temp.drayage_verdict v on v._n = c._n where not exists (select from pg_temp.drayage_bad b where b._n = v._n) and v.verdict <> 'ignored'
  )
select (l._n >> 40)::integer as ordinal, case when w.verdict = 'stale' then 'stale' else 'superseded' end as verdict, count(*)::integer as count
from c l join w on l.k0 = w.k0 and l._n < w._n
group by 1, 2;
