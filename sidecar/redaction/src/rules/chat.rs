//! Tokens of chat, mail, telephony and social networks.

use super::OPEN;
use crate::bytes::Set::{Alnum, Base64, Dot, Hex, HexDash, Low, Path, Query, Url};
use crate::rule::{Rule, shaped, token};

pub static TOKENS: [Rule; 31] = [
    token("slack-config-token", &["xoxe.xoxp-", "xoxe.xoxb-", "xoxe-"], Url, 40..=OPEN),
    token("slack-bot-token", &["xoxb-"], Url, 20..=OPEN),
    token("slack-user-token", &["xoxp-", "xoxa-", "xoxo-", "xoxs-", "xoxr-"], Url, 20..=OPEN),
    token("slack-app-token", &["xapp-"], Url, 30..=OPEN),
    token("slack-workflow-token", &["xwfp-"], Url, 20..=OPEN),
    token("slack-client-token", &["xoxc-"], Url, 20..=OPEN),
    token("slack-cookie", &["xoxd-"], Query, 40..=OPEN),
    token("slack-webhook", &["hooks.slack.com/services/", "hooks.slack.com/workflows/"], Path, 30..=OPEN),
    token("discord-webhook", &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"], Path, 60..=OPEN),
    shaped("telegram-bot-token", &[":AA"], r"[0-9]{8,10}:AA[A-Za-z0-9_-]{32,34}\b"),
    shaped(
        "teams-webhook",
        &["webhook.office.com/webhookb2/"],
        r"webhook\.office\.com/webhookb2/([A-Za-z0-9@/_-]{60,300})",
    ),
    shaped(
        "zapier-webhook",
        &["hooks.zapier.com/hooks/catch/"],
        r"hooks\.zapier\.com/hooks/catch/([A-Za-z0-9/]{8,64})",
    ),
    token("twilio-api-key", &["SK"], Hex, 32..=32),
    token("sendgrid-api-key", &["SG."], Dot, 60..=72),
    token("mailgun-key", &["key-"], Hex, 32..=32),
    shaped("mailchimp-api-key", &["-us"], r"[0-9a-f]{32}-us[0-9]{1,2}\b"),
    token("brevo-api-key", &["xkeysib-", "xsmtpsib-"], Url, 60..=OPEN),
    token("mandrill-api-key", &["md-"], Url, 22..=22),
    shaped("resend-api-key", &["re_"], r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,28}\b"),
    token("mailersend-token", &["mlsn."], Hex, 64..=64),
    token("intercom-token", &["dG9r"], Base64, 50..=64),
    token("onesignal-key", &["os_v2_app_", "os_v2_org_"], Low, 80..=OPEN),
    token("pubnub-secret-key", &["sec-c-"], Base64, 40..=60),
    token("pubnub-key", &["sub-c-", "pub-c-"], HexDash, 36..=36),
    token("twitter-bearer-token", &["AAAAAAAAAAAAAAAAAAAAA"], Query, 40..=OPEN),
    token("facebook-page-token", &["EAAC", "EAAM", "EAAB"], Alnum, 80..=OPEN),
    token("instagram-token", &["IGQV", "IGQW"], Url, 80..=OPEN),
    token("pinterest-token", &["pina_"], Alnum, 40..=OPEN),
    token("riot-api-key", &["RGAPI-"], HexDash, 36..=36),
    shaped("roblox-cookie", &["_|WARNING:-DO-NOT-SHARE-THIS."], r"_\|WARNING:-DO-NOT-SHARE-THIS\.[!-~ ]{40,480}"),
    token("mapbox-secret-token", &["sk.eyJ", "tk.eyJ"], Dot, 60..=OPEN),
];
