-- What people configured, who may, and who did. Deleted things keep their row, because values of
-- theirs stay and name them by id.

CREATE TABLE spoke (
    spoke_id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text NOT NULL UNIQUE,  -- for ever: streams and values are named by it
    description      text NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT now(),
    revision         int NOT NULL DEFAULT 0,  -- newest revision of its manifest
    applied_revision int NOT NULL DEFAULT 0,  -- the one it said it runs
    last_seen        timestamptz,
    deleted_at       timestamptz
);

CREATE TABLE device (
    device_id  int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    spoke_id   int NOT NULL REFERENCES spoke,
    name       text NOT NULL,
    config     jsonb NOT NULL,  -- DeviceConfig
    version    int NOT NULL DEFAULT 1,  -- counts up with each change
    deleted_at timestamptz
);
CREATE UNIQUE INDEX device_name ON device (spoke_id, name) WHERE deleted_at IS NULL;
CREATE INDEX device_by_name ON device (name);

CREATE TABLE tag (
    tag_id     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id  int NOT NULL REFERENCES device,
    name       text NOT NULL,
    config     jsonb NOT NULL,  -- TagConfig
    kind       text NOT NULL CHECK (kind IN ('float', 'int', 'bool', 'text')),
    wire       text,  -- column type of its first sample (schemas/kinds.py); NULL until then
    deleted_at timestamptz
);
CREATE UNIQUE INDEX tag_name ON tag (device_id, name) WHERE deleted_at IS NULL;
CREATE INDEX tag_by_name ON tag (name);
CREATE INDEX tag_by_device ON tag (device_id);

CREATE TABLE config_revision (
    spoke_id int NOT NULL REFERENCES spoke,
    number   int NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    author   text NOT NULL,
    summary  text NOT NULL,
    manifest jsonb NOT NULL,
    PRIMARY KEY (spoke_id, number)
);

CREATE TABLE app_user (
    user_id       int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL,
    password_hash text NOT NULL,
    role          text NOT NULL,
    disabled      boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX app_user_name ON app_user (lower(name));

CREATE TABLE session (
    session_id uuid PRIMARY KEY,
    user_id    int NOT NULL REFERENCES app_user,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX session_by_user ON session (user_id);

CREATE TABLE audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    who      text NOT NULL,
    action   text NOT NULL,
    target   text NOT NULL,
    detail   jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE hub_secret (
    name  text PRIMARY KEY,
    value bytea NOT NULL
);
