insert into pg_temp.drayage_bad (_n, round, reason) select s._n, 0, 'bad_op' from pg_temp.staging_1 s where s.c1 is null or s.c1 not in ('I', 'U', 'D');

insert into pg_temp.drayage_bad (_n, round, reason, column_name) select s._n, 0, 'null_key', 'id' from pg_temp.staging_1 s where (s.c3 is null) and not exists (select from pg_temp.drayage_bad b where b._n = s._n);

insert into pg_temp.drayage_verdict (_n, round, place, verdict)
select s._n, 1, row_number() over (order by s.op <> 'D', s._n),
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
    select s._n, s.c1 as op, case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end as k0
    from pg_temp.staging_1 s
    where not exists (select from pg_temp.drayage_bad b where b._n = s._n) and exists (
      select from (select s._n, s.c1 as op, case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end as k0 from (select _n from pg_temp.drayage_bad where round = 1) b join pg_temp.staging_1 s on s._n = b._n) f
      where s._n < f._n and f.k0 = case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end
    )
  ) c
  order by k0, _n desc
) s
left join "shop"."orders" m on m."id" = s.k0
left join "drayage"."tombstones_1" t on t."id" = s.k0;

insert into "drayage"."tombstones_1" as t ("id", _version, _record, deleted_at)
select case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end, 4611686018427387905::bigint, (s._n & 549755813887)::integer, now()
from pg_temp.drayage_verdict v
join pg_temp.staging_1 s on s._n = v._n
where v.verdict in ('deleted', 'absent') and v.round = 1 and v.place between drayage_lo and drayage_hi
on conflict ("id") do update set _version = excluded._version, _record = excluded._record, deleted_at = excluded.deleted_at
where (t._version, t._record) <= (excluded._version, excluded._record);

delete from "shop"."orders" m using pg_temp.drayage_verdict v, pg_temp.staging_1 s
where s._n = v._n and v.verdict = 'deleted' and v.round = 1 and v.place between drayage_lo and drayage_hi and m."id" = case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end;

with changed as (
update "shop"."orders" m set
  "status" = s.c4,
  "total" = case when s.c5 is null or round((s.c5)::numeric, 2) is not distinct from (s.c5)::numeric then (s.c5)::numeric else pg_temp.drayage_lossy(s.c5)::numeric end,
  "quo""ted" = case when s.c6 like '0000-00-00%' then null when s.c6 ~ '^[0-9]{4,7}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6}0*)?)?( ?(Z|[-+][0-9]{2}(:?[0-9]{2}){0,2}|[A-Za-z][A-Za-z0-9_/+-]{2,}))?)?( BC)?$' then (s.c6)::timestamptz when s.c6 is null then null else pg_temp.drayage_lossy(s.c6)::timestamptz end,
  "gone" = null::text,
  "_version" = 4611686018427387905::bigint,
  "_record" = (s._n & 549755813887)::integer,
  "_object" = 41::bigint,
  "_loaded_at" = now(),
  "_op_ts" = (nullif(s.c2, ''))::timestamptz
from pg_temp.drayage_verdict v
join pg_temp.staging_1 s on s._n = v._n
where (v.verdict = 'updated' or (v.verdict = 'same' and not record_image_eq(row(m."id", m."status", m."total", m."quo""ted", m."gone"), row((case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end)::bigint, (s.c4)::text, (case when s.c5 is null or round((s.c5)::numeric, 2) is not distinct from (s.c5)::numeric then (s.c5)::numeric else pg_temp.drayage_lossy(s.c5)::numeric end)::numeric(12,2), (case when s.c6 like '0000-00-00%' then null when s.c6 ~ '^[0-9]{4,7}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6}0*)?)?( ?(Z|[-+][0-9]{2}(:?[0-9]{2}){0,2}|[A-Za-z][A-Za-z0-9_/+-]{2,}))?)?( BC)?$' then (s.c6)::timestamptz when s.c6 is null then null else pg_temp.drayage_lossy(s.c6)::timestamptz end)::timestamp with time zone, (null::text)::text)))) and v.round = 1 and v.place between drayage_lo and drayage_hi and m."id" = case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end
returning v._n, v.verdict
)
update pg_temp.drayage_verdict v set verdict = 'updated' from changed where changed._n = v._n and changed.verdict = 'same';

insert into "shop"."orders" ("id", "status", "total", "quo""ted", "gone", "_version", "_record", "_object", "_loaded_at", "_op_ts")
select case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end, s.c4, case when s.c5 is null or round((s.c5)::numeric, 2) is not distinct from (s.c5)::numeric then (s.c5)::numeric else pg_temp.drayage_lossy(s.c5)::numeric end, case when s.c6 like '0000-00-00%' then null when s.c6 ~ '^[0-9]{4,7}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6}0*)?)?( ?(Z|[-+][0-9]{2}(:?[0-9]{2}){0,2}|[A-Za-z][A-Za-z0-9_/+-]{2,}))?)?( BC)?$' then (s.c6)::timestamptz when s.c6 is null then null else pg_temp.drayage_lossy(s.c6)::timestamptz end, null::text, 4611686018427387905::bigint, (s._n & 549755813887)::integer, 41::bigint, now(), (nullif(s.c2, ''))::timestamptz
from pg_temp.drayage_verdict v
join pg_temp.staging_1 s on s._n = v._n
where v.verdict = 'inserted' and v.round = 1 and v.place between drayage_lo and drayage_hi;

delete from "drayage"."tombstones_1" t using pg_temp.drayage_verdict v, pg_temp.staging_1 s
where s._n = v._n and v.verdict in ('inserted', 'updated') and v.round = 1 and v.place between drayage_lo and drayage_hi and t."id" = case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end;

update pg_temp.drayage_verdict v set verdict = 'ignored'
from pg_temp.staging_1 s
where s._n = v._n and v.round = 0 and not exists (select from pg_temp.drayage_bad b where b._n = v._n)
  and ((v.verdict in ('inserted', 'updated') and not exists (select from "shop"."orders" m where m."id" = case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end and (m._version, m._record) = (4611686018427387905::bigint, (s._n & 549755813887)::integer))) or (v.verdict = 'deleted' and exists (select from "shop"."orders" m where m."id" = case when s.c3 ~ '^[-+]?[0-9]+$' then (s.c3)::bigint when s.c3 ~  E'^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$' then case when (s.c3)::numeric = trunc((s.c3)::numeric) then (s.c3)::numeric::bigint else pg_temp.drayage_lossy(s.c3)::bigint end when s.c3 ~ '^\s*[-+]?0[xXoObB]|_' then pg_temp.drayage_lossy(s.c3)::bigint else (s.c3)::bigint end)));
