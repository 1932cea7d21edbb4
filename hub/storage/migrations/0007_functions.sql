-- The plant's own functions in versions, and what their uses ran before. A version never changes; a
-- deleted function keeps its rows, because revisions name its packages.

CREATE TABLE function_package (
    sha256 text PRIMARY KEY,
    bundle bytea NOT NULL
);
ALTER TABLE function_package ALTER COLUMN bundle SET STORAGE EXTERNAL;  -- to read parts of it

CREATE TABLE function (
    function_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    deleted_at  timestamptz
);
CREATE UNIQUE INDEX function_name ON function (name) WHERE deleted_at IS NULL;

CREATE TABLE function_version (
    function_id int NOT NULL REFERENCES function,
    number      text NOT NULL,  -- major.minor.patch
    origin      text NOT NULL,  -- hub.function_records.Origin
    package     text NOT NULL REFERENCES function_package,
    source      text NOT NULL DEFAULT '',  -- empty for a wheel
    spec        jsonb NOT NULL,  -- schemas.functions.FunctionSpec
    author      text NOT NULL,
    notes       text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (function_id, number)
);
CREATE INDEX function_version_by_package ON function_version (package);

CREATE TABLE function_use (
    device_id   int PRIMARY KEY REFERENCES device,
    previous    jsonb,  -- FunctionConfig with the version before; NULL for none
    trial_until timestamptz,  -- until then a fault takes it back to `previous`
    changed_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX device_by_function ON device ((config -> 'connection' ->> 'function'))
    WHERE config -> 'connection' ->> 'driver' = 'function' AND deleted_at IS NULL;
