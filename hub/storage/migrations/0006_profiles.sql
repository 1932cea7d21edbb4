-- Kinds of devices, to make many of. A version never changes; a deleted profile keeps its rows,
-- because devices name the version that they were made from.

CREATE TABLE profile (
    profile_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    version    int NOT NULL,  -- newest
    deleted_at timestamptz
);
CREATE UNIQUE INDEX profile_name ON profile (name) WHERE deleted_at IS NULL;

CREATE TABLE profile_version (
    profile_id int NOT NULL REFERENCES profile,
    version    int NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    author     text NOT NULL,
    content    jsonb NOT NULL,  -- description, parameters, device, tags of hub.bulk.Profile
    PRIMARY KEY (profile_id, version)
);

ALTER TABLE device
    ADD COLUMN profile_id int,
    ADD COLUMN profile_version int,
    ADD COLUMN profile_values jsonb,  -- what the parameters were, to go to a newer version
    ADD CONSTRAINT device_profile
        FOREIGN KEY (profile_id, profile_version) REFERENCES profile_version (profile_id, version);
CREATE INDEX device_by_profile ON device (profile_id) WHERE profile_id IS NOT NULL;
