//! Secrets of no service in particular: structures, headers, flags, and what a name promises.

use crate::assignment::{Promise, secret};
use crate::rule::{Rule, cookie, credentials, flag, jwt, pattern, pem, structure, token_structure, url};

pub static STRUCTURES: [Rule; 10] = [
    structure("private-key", &["-----BEGIN ", "---- BEGIN "], pem),
    pattern("putty-private-key", &["Private-Lines:"], r"Private-Lines: [0-9]+\s+([A-Za-z0-9+/=\s]{40,480})"),
    token_structure("json-web-token", &["eyJ"], jwt),
    structure("url-credentials", &["://"], url),
    pattern(
        "netrc-password",
        &["machine"],
        r"\bmachine\s+\S{1,120}\s+(?:login\s+\S{1,120}\s+)?(?:account\s+\S{1,60}\s+)?password\s+(\S{1,120})",
    ),
    structure("authorization-header", &["authorization"], credentials),
    structure("cookie-header", &["cookie: "], cookie),
    pattern("bearer-token", &["bearer "], r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{16,480})"),
    pattern(
        "curl-user",
        &["curl "],
        r#"\bcurl\s[^\n]{0,200}?(?:-u|--user)[ =]["']?[A-Za-z0-9._@-]{1,60}:([^\s"']{3,120})"#,
    ),
    structure(
        "flag-value",
        &[
            "--password ",
            "--passwd ",
            "--passphrase ",
            "--token ",
            "--secret ",
            "--api-key ",
            "--auth-token ",
            "sshpass -p",
            "--password-stdin <<<",
        ],
        flag,
    ),
];

/// What names promise. The names of services come before.
pub static NAMES: [Rule; 3] = [
    structure(
        "generic-password",
        &["password", "passwd", "passphrase", "passcode", "passwort", "_pwd", "pwd=", "_pass", "pass=", "pass:"],
        |text, word| secret(text, name(text, word), Promise::Password),
    ),
    structure("generic-secret", &["secret", "credential"], |text, word| secret(text, word, Promise::Token)),
    structure(
        "generic-token",
        &[
            "token",
            "apikey",
            "api_key",
            "api-key",
            "api key",
            "x-api-key",
            "accesskey",
            "access_key",
            "access-key",
            "authkey",
            "auth_key",
            "private_key",
            "signing_key",
            "encryption_key",
            "master_key",
            "account_key",
            "session_key",
            "license_key",
            "deploy_key",
            "service_key",
            "app_key",
            "application_key",
            "consumer_key",
            "admin_key",
        ],
        |text, word| secret(text, word, Promise::Token),
    ),
];

/// A keyword with its operator is a name without it.
fn name(text: &[u8], mut word: std::ops::Range<usize>) -> std::ops::Range<usize> {
    if matches!(text[word.end - 1], b'=' | b':') {
        word.end -= 1;
    }
    word
}
