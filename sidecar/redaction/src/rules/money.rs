//! Tokens of payments, shops, shipping and finance.

use super::OPEN;
use crate::bytes::Set::{Alnum, Base64, Hex, HexDash, Url, Word};
use crate::rule::{Rule, shaped, token};

pub static TOKENS: [Rule; 26] = [
    token("stripe-secret-key", &["sk_live_", "sk_test_", "sk_prod_"], Alnum, 10..=OPEN),
    token("stripe-restricted-key", &["rk_live_", "rk_test_", "rk_prod_"], Alnum, 10..=OPEN),
    token("stripe-webhook-secret", &["whsec_"], Base64, 32..=OPEN),
    token("stripe-ephemeral-key", &["ek_live_", "ek_test_"], Word, 20..=OPEN),
    token("square-access-token", &["EAAA"], Url, 60..=64),
    token("square-oauth-secret", &["sq0csp-"], Url, 43..=43),
    token("square-token", &["sq0atp-"], Url, 22..=22),
    shaped(
        "braintree-token",
        &["access_token$production$", "access_token$sandbox$"],
        r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
    ),
    token("razorpay-key", &["rzp_live_", "rzp_test_"], Alnum, 14..=14),
    token("flutterwave-key", &["FLWSECK-", "FLWSECK_TEST-"], Url, 12..=OPEN),
    token("plaid-token", &["access-sandbox-", "access-production-", "access-development-"], HexDash, 36..=36),
    token("shopify-token", &["shpat_", "shpca_", "shppa_", "shpua_"], Hex, 32..=32),
    token("shopify-secret", &["shpss_"], Hex, 32..=32),
    token("paddle-api-key", &["pdl_live_apikey_", "pdl_sdbx_apikey_"], Word, 40..=OPEN),
    token("easypost-key", &["EZAK", "EZTK"], Alnum, 54..=54),
    token("shippo-token", &["shippo_live_", "shippo_test_"], Hex, 40..=40),
    token("duffel-token", &["duffel_live_", "duffel_test_"], Url, 43..=43),
    token("lob-api-key", &["live_", "test_"], Hex, 35..=35),
    token("mollie-api-key", &["live_", "test_"], Alnum, 30..=30),
    token("gocardless-token", &["live_", "sandbox_"], Url, 40..=40),
    token("chargebee-key", &["live_", "test_"], Alnum, 32..=33),
    token("checkout-secret-key", &["sk_sbox_"], Alnum, 27..=OPEN),
    token("adyen-api-key", &["AQE"], Base64, 90..=OPEN),
    token("paypal-access-token", &["A21AA"], Url, 60..=OPEN),
    token("clearbit-key", &["sk_"], Hex, 32..=32),
    token("sumup-key", &["sup_sk_", "sup_pk_"], Alnum, 32..=OPEN),
];
