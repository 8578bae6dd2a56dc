select count(*) as total,
  0 as bad_op,
  0 as deletes,
  count(*) filter (where s.c3 is null) as null_key,
  count(*) filter (where position('_' in s.c3) > 0 or ((s.c3 collate "C" < '1' or s.c3 collate "C" >= ':') and s.c3 ~ '^\s*[-+]?0[xXoObB]')) as s0,
  count(*) filter (where s.c5 not like '%.__' and ((position('.' in s.c5) > 0 and length(s.c5) - position('.' in s.c5) > 2) or position('e' in s.c5) > 0 or position('E' in s.c5) > 0)) as s1,
  count(*) filter (where s.c6 <> '' and ((s.c6 collate "C" < '0' or s.c6 collate "C" >= ':') or s.c6 not like '____-__-__%' or (octet_length(s.c6) > 26 and not substr(s.c6, 27, 1) collate "C" not between '0' and '9'))) as s2
from pg_temp.staging_1 s;

insert into "shop"."orders" ("id", "status", "total", "quo""ted", "gone", "_version", "_record", "_object", "_loaded_at", "_op_ts")
select (s.c3)::bigint, s.c4, (s.c5)::numeric, (s.c6)::timestamptz, null::text, 4611686018427387905::bigint, (s._n & 549755813887)::integer, 41::bigint, now(), (nullif(s.c2, ''))::timestamptz
from pg_temp.staging_1 s;
