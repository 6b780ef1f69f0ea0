-- A ledger as version 1 of the schema left it, written by `sqlite3 FILE .dump`.
PRAGMA application_id = 1179405122;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE bodies (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
INSERT INTO "bodies" VALUES(1,X'7B226964223A20226576745F314E715861227D');
INSERT INTO "bodies" VALUES(2,X'7B226964223A20226576745F314E715862227D');
INSERT INTO "bodies" VALUES(3,X'7B226964223A20226576745F314E715863227D');
INSERT INTO "bodies" VALUES(4,X'7B226964223A20226576745F314E715864227D');
INSERT INTO "bodies" VALUES(5,X'7B226964223A202230623665366137652D356238652D346335352D396430652D306336623566376131643031227D');
INSERT INTO "bodies" VALUES(6,X'7B226964223A202265316635613163322D396137372D346636622D386631392D366235643266336334653032227D');
INSERT INTO "bodies" VALUES(7,X'7B226964223A20223137303030303030303030303030303031227D');
INSERT INTO "bodies" VALUES(8,X'7B226964223A20223137303030303030303030303030303032227D');
CREATE TABLE events (
        seq               INTEGER PRIMARY KEY,
        environment       TEXT NOT NULL,
        key               TEXT NOT NULL,
        name              TEXT NOT NULL,
        notification      INTEGER NOT NULL,           -- the one that entered it
        occurred_at_ms    INTEGER NOT NULL,
        entered_at_ms     INTEGER NOT NULL,
        revenue           TEXT,                       -- exact decimal, signed
        currency          TEXT,
        state             TEXT NOT NULL DEFAULT 'ready',  -- ready, sent, dead
        attempts          INTEGER NOT NULL DEFAULT 0,
        leaving           INTEGER NOT NULL DEFAULT 0, -- a try has begun, and how it ended is not written yet
        in_doubt          INTEGER NOT NULL DEFAULT 0, -- an ended try may have reached FloKit
        first_tried_at_ms INTEGER,                    -- of the tries that may have reached FloKit
        due_at_ms         INTEGER NOT NULL DEFAULT 0,
        last_status       INTEGER,
        last_reason       TEXT NOT NULL DEFAULT '',
        sent_at_ms        INTEGER,
        flokit_event_id   TEXT NOT NULL DEFAULT '',
        body              BLOB NOT NULL,              -- the JSON exactly as it is sent
        UNIQUE (environment, key)
    ) STRICT
    ;
INSERT INTO "events" VALUES(1,'production','in_1','renewal_completed',1,1790000000000,1790000000000,'49.90','USD','sent',1,0,0,1790000000005,0,NULL,'',1790000000006,'flokit-1',X'7B226576656E74223A2272656E6577616C5F636F6D706C65746564222C22726576656E7565223A34392E39307D');
INSERT INTO "events" VALUES(2,'production','in_1:cancelled','subscription_cancelled',1,1790000000000,1790000000000,NULL,NULL,'sent',1,0,0,1790000000005,0,NULL,'',1790000000006,'',X'7B226576656E74223A22737562736372697074696F6E5F63616E63656C6C6564222C22726576656E7565223A6E756C6C7D');
INSERT INTO "events" VALUES(3,'production','in_1:refund:re_1','refund_issued',2,1790000000000,1790000000000,'-49.90','USD','dead',1,0,0,1790000000005,0,422,'no user',NULL,'',X'7B226576656E74223A22726566756E645F697373756564222C22726576656E7565223A2D34392E39307D');
INSERT INTO "events" VALUES(4,'sandbox','2000000000000001','renewal_completed',5,1790000000000,1790000000000,'4.99','EUR','ready',0,0,0,NULL,0,NULL,'',NULL,'',X'7B226576656E74223A2272656E6577616C5F636F6D706C65746564222C22726576656E7565223A342E39397D');
INSERT INTO "events" VALUES(5,'production','GPA.1','renewal_completed',7,1790000000000,1790000000000,'3.50','EUR','ready',1,0,1,1790000000005,1790000009000,0,'time-out',NULL,'',X'7B226576656E74223A2272656E6577616C5F636F6D706C65746564222C22726576656E7565223A332E35307D');
INSERT INTO "events" VALUES(6,'production','GPA.2','renewal_completed',7,1790000000000,1790000000000,'3.50','EUR','ready',0,0,0,NULL,0,NULL,'',NULL,'',X'7B226576656E74223A2272656E6577616C5F636F6D706C65746564222C22726576656E7565223A332E35307D');
CREATE TABLE memory (
        subject       TEXT PRIMARY KEY,
        document      TEXT NOT NULL,                  -- JSON
        version       INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    ;
INSERT INTO "memory" VALUES('apple:2000000000000001','{"user":"user_2"}',1,1790000000000);
INSERT INTO "memory" VALUES('stripe:sub_1','{"user":"user_1","price":49.90,"paid":true}',2,1790000000000);
CREATE TABLE notifications (
        seq            INTEGER PRIMARY KEY,
        source         TEXT NOT NULL,
        id             TEXT NOT NULL,
        type           TEXT NOT NULL,
        environment    TEXT NOT NULL,
        occurred_at_ms INTEGER NOT NULL,
        received_at_ms INTEGER NOT NULL,
        hint           TEXT NOT NULL,
        outcome        TEXT,                          -- NULL while pending
        attempts       INTEGER NOT NULL DEFAULT 0,
        due_at_ms      INTEGER NOT NULL DEFAULT 0,
        waiting_for    TEXT NOT NULL DEFAULT '',
        answers        TEXT NOT NULL DEFAULT '{}',    -- JSON: what look-ups gave
        findings       TEXT NOT NULL DEFAULT '[]',    -- JSON: outcome, rule, reason, facts and keys of each
        UNIQUE (source, id)
    ) STRICT
    ;
INSERT INTO "notifications" VALUES(1,'stripe','evt_1NqXa','invoice.paid','production',1790000000000,1790000000050,'','mapped',0,0,'','{}','[{"outcome":"mapped","rule":"renewal","reason":"","facts":{"amount":49.90},"keys":["in_1","in_1:cancelled"]}]');
INSERT INTO "notifications" VALUES(2,'stripe','evt_1NqXb','invoice.paid','production',1790000000001,1790000000051,'','mapped',0,0,'','{}','[{"outcome":"mapped","rule":"refund","reason":"","facts":{},"keys":["in_1:refund:re_1"]}]');
INSERT INTO "notifications" VALUES(3,'stripe','evt_1NqXc','invoice.paid','production',1790000000002,1790000000052,'','unmapped',0,0,'','{}','[{"outcome":"unmapped","rule":"","reason":"no rule fits","facts":{},"keys":[]}]');
INSERT INTO "notifications" VALUES(4,'stripe','evt_1NqXd','invoice.paid','production',1790000000003,1790000000053,'',NULL,0,0,'','{}','[]');
INSERT INTO "notifications" VALUES(5,'apple','0b6e6a7e-5b8e-4c55-9d0e-0c6b5f7a1d01','DID_RENEW','sandbox',1790000000010,1790000000060,'','mapped',0,0,'','{}','[{"outcome":"mapped","rule":"renewal","reason":"","facts":{},"keys":["2000000000000001"]}]');
INSERT INTO "notifications" VALUES(6,'apple','e1f5a1c2-9a77-4f6b-8f19-6b5d2f3c4e02','DID_RENEW','sandbox',1790000000011,1790000000061,'','ignored',0,0,'','{}','[{"outcome":"ignored","rule":"tests","reason":"a test","facts":{},"keys":[]}]');
INSERT INTO "notifications" VALUES(7,'google','17000000000000001','subscriptionNotification','production',1790000000020,1790000000070,'','mapped',0,0,'','{"order:GPA.1":{"total":3.50}}','[{"outcome":"mapped","rule":"purchase","reason":"","facts":{},"keys":["GPA.1","GPA.2"]}]');
INSERT INTO "notifications" VALUES(8,'google','17000000000000002','subscriptionNotification','production',1790000000021,1790000000071,'',NULL,1,1790000060000,'Google Play','{"purchase":1}','[]');
CREATE INDEX notifications_pending ON notifications (source, occurred_at_ms, seq, due_at_ms, outcome)
    WHERE outcome IS NULL
    ;
CREATE INDEX notifications_settled ON notifications (source, outcome) WHERE outcome IS NOT NULL;
CREATE INDEX events_ready ON events (environment, occurred_at_ms, seq, due_at_ms, state)
    WHERE state = 'ready'
    ;
CREATE INDEX events_counted ON events (environment, state, currency, revenue);
COMMIT;
