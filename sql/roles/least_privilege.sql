-- The role that drayage signs in as, with what it needs and nothing else. Run once by whoever owns the database:
--   psql -v loader=loader -v schema=shop -v state=drayage -f sql/roles/least_privilege.sql "$ADMIN_URL"
-- The loader owns its state schema alone. In the main schema it makes tables that are missing (leave the `create` out for
-- `ddl: print`), and changes rows of those that are there. A reader of reports gets nothing here: see the end.

create role :"loader" login;
-- Then \password loader, or with `auth: iam`: grant rds_iam to loader.

select current_database() as database \gset
grant connect, temporary on database :"database" to :"loader";

-- Its own: load history, rejects, tombstones.
create schema :"state" authorization :"loader";

create schema if not exists :"schema";
grant usage, create on schema :"schema" to :"loader";

-- Tables that are there already, whoever owns them: rows, never their shape. New columns of the source are printed for the owner
-- (`ddl: print`), or made when warehouse.role names the owner.
grant select, insert, update, delete on all tables in schema :"schema" to :"loader";

-- Keys by sequence are the table's own affair: an upsert never asks one for a value that the source brings.
grant usage on all sequences in schema :"schema" to :"loader";

-- A reader of reports: grant usage on schema shop to reports; grant select on all tables in schema shop to reports;
-- alter default privileges for role loader in schema shop grant select on tables to reports;
