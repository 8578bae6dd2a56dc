-- What somebody would write by hand: the document parsed once as jsonb on the server, its fields picked and cast.
set timezone to 'UTC';
create temporary table staging (op text, dms_ts text, _id text, _doc text);
copy staging from :'file' with (format csv, header true, null 'NULL');
insert into bench_psql.customers (_id, name, email, created, loyalty, balance, visits, street, city, lat, lon, tags, active, phone, consents, remark, op_ts)
select _id, d ->> 'name', d ->> 'email', to_timestamp((d #>> '{created,$date,$numberLong}')::bigint / 1000.0),
  (d #>> '{loyalty,$numberLong}')::bigint, (d #>> '{balance,$numberDecimal}')::numeric, (d #>> '{visits,$numberInt}')::bigint,
  d #>> '{address,street}', d #>> '{address,city}', (d #>> '{address,geo,lat,$numberDouble}')::double precision,
  (d #>> '{address,geo,lon,$numberDouble}')::double precision, d -> 'tags', (d ->> 'active')::boolean, d ->> 'phone', d -> 'consents', d ->> 'remark',
  dms_ts::timestamptz
from (select _id, dms_ts, _doc::jsonb as d from staging offset 0) s;
