-- What happened, for people, and versions of functions on their way.

-- Events travel with the batch that they belong to and are written in its transaction.
CREATE TABLE event (
    event_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    spoke_id  int NOT NULL REFERENCES spoke,
    device_id int NOT NULL,  -- the use of a function, or the device; 0 is the gateway itself
    at        timestamptz NOT NULL,
    level     text NOT NULL,  -- schemas/events.py
    kind      text NOT NULL,
    message   text NOT NULL,
    detail    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX event_by_time ON event (at);
CREATE INDEX event_by_device ON event (device_id, at);

-- A version on its way to the uses of a function: to some of them first, then to the rest.
CREATE TABLE deployment (
    deployment_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    function   text NOT NULL,
    version    text NOT NULL,
    state      text NOT NULL DEFAULT 'canary'
               CHECK (state IN ('canary', 'watch', 'done', 'rolled-back', 'cancelled')),
    share      float8 NOT NULL,
    watch_s    float8 NOT NULL,
    watched_s  float8 NOT NULL DEFAULT 0,  -- of it, while all that have it ran without a fault
    looked_at  timestamptz NOT NULL,
    uses       int[] NOT NULL,  -- device ids
    canaries   int[] NOT NULL,
    author     text NOT NULL,
    created_at timestamptz NOT NULL,
    reason     text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX deployment_one_at_a_time ON deployment (function)
    WHERE state IN ('canary', 'watch');
