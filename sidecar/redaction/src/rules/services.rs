//! Tokens of monitoring, analytics and everything else that is offered as a service.

use super::OPEN;
use crate::bytes::Set::{Alnum, Base64, Crypt, Dot, Hex, HexDash, Up, UpDot, Url, Word};
use crate::rule::{Rule, shaped, token};

pub static TOKENS: [Rule; 29] = [
    token("newrelic-user-key", &["NRAK-"], Up, 27..=27),
    token("newrelic-browser-key", &["NRJS-"], Hex, 19..=19),
    token("newrelic-insert-key", &["NRII-", "NRIQ-"], Url, 32..=32),
    token("newrelic-rest-key", &["NRRA-"], Hex, 42..=42),
    shaped("newrelic-license-key", &["NRAL"], r"[0-9a-f]{36}NRAL\b"),
    token("sentry-organisation-token", &["sntrys_"], Base64, 60..=OPEN),
    token("sentry-user-token", &["sntryu_", "sntrya_"], Hex, 64..=64),
    token("grafana-service-token", &["glsa_"], Word, 40..=OPEN),
    token("grafana-cloud-token", &["glc_"], Base64, 40..=OPEN),
    token("grafana-api-key", &["eyJrIjoi"], Base64, 60..=OPEN),
    token("honeycomb-key", &["hcaik_", "hcaic_", "hcbik_", "hcalk_"], Alnum, 40..=OPEN),
    token("dynatrace-token", &["dt0c01.", "dt0s01.", "dt0s02."], UpDot, 60..=100),
    token("posthog-personal-key", &["phx_"], Alnum, 40..=OPEN),
    token("posthog-project-key", &["phc_", "phs_"], Alnum, 40..=OPEN),
    token("axiom-token", &["xaat-", "xapt-"], HexDash, 36..=36),
    token("hubspot-token", &["pat-na", "pat-eu"], HexDash, 36..=40),
    shaped("salesforce-session", &["!AQ"], r"00D[A-Za-z0-9]{12,15}!AQ[A-Za-z0-9._]{60,200}"),
    token("dropbox-token", &["sl."], Dot, 120..=OPEN),
    shaped("deepl-key", &[":fx"], r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:fx\b"),
    shaped("rapidapi-key", &["msh"], r"[0-9a-z]{10}msh[0-9a-z]{15}p1[0-9a-z]{6}jsn[0-9a-z]{12}\b"),
    token("adafruit-key", &["aio_"], Alnum, 28..=28),
    token("clerk-machine-key", &["ak_live_", "ak_test_"], Alnum, 32..=OPEN),
    token("paseto", &["v2.local.", "v3.local.", "v4.local.", "v4.public.", "v2.public."], Dot, 60..=OPEN),
    token("password-hash-bcrypt", &["$2a$", "$2b$", "$2y$"], Crypt, 50..=60),
    token("password-hash-crypt", &["$1$", "$5$", "$6$", "$y$", "$apr1$"], Crypt, 25..=OPEN),
    token("password-hash-argon2", &["$argon2id$", "$argon2i$", "$argon2d$"], Crypt, 40..=OPEN),
    token("password-hash-scrypt", &["$scrypt$", "$7$"], Crypt, 40..=OPEN),
    token("password-hash-django", &["pbkdf2_sha256$", "pbkdf2_sha1$"], Crypt, 40..=OPEN),
    token("laravel-app-key", &["base64:"], Base64, 44..=44),
];
