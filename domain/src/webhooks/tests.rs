//! Tables of endpoints, secrets, responses and attempts.

use std::time::Duration;

use uuid::Uuid;

use super::decide::{
    DeliveryResult, Failure, RunResult, RunStart, accept, back_off, classify_response, complete_run, enqueue, fail,
    fail_all, next_run, read_response, replay_all, rotate, secret_text, sign, signature, signing_keys, start_run,
    valid_url, withdraw,
};
use super::model::{
    Attempt, Endpoint, OVERLAP_MAX, QueueEntry, QueueState, QueuedMessage, REJECTIONS_MAX, RUN_MAX, Secret,
    WebhookResponse,
};
use crate::kernel::{Code, Message, Timestamp, days, hours, minutes, refuse, seconds};
use crate::msg;
use crate::runtime::ports::{HttpError, HttpMethod, HttpResponse};

const NOON: Timestamp = Timestamp::from_millis(1_772_452_800_000);
const URL: &str = "https://erp.example/hook";
const DISABLE_AFTER: Duration = days(3);
/// Neither earlier nor later than the base.
const NO_JITTER: u8 = 127;

fn endpoint() -> Endpoint {
    Endpoint::new(Some(URL.to_owned()))
}

fn failing(since: Timestamp, failures: i32, retry_at: Timestamp) -> Endpoint {
    Endpoint { failing_since: Some(since), failures, retry_at: Some(retry_at), ..endpoint() }
}

fn disabled() -> Endpoint {
    Endpoint { disabled_at: Some(NOON), disabled_because: Some(Message::plain("HTTP 500")), ..endpoint() }
}

fn secret(key: u8, expires_at: Option<Timestamp>) -> Secret {
    Secret { key: vec![key], expires_at }
}

fn attempt(message: u128, code: u16) -> Attempt {
    let response = Some(WebhookResponse::Status { code, retry_after: None });
    Attempt { message: Uuid::from_u128(message), response }
}

fn complete(endpoint: &Endpoint, attempts: Vec<Attempt>) -> RunResult {
    complete_run(endpoint, attempts, NOON, NO_JITTER, DISABLE_AFTER)
}

fn numbers(messages: &[Uuid]) -> Vec<u128> {
    messages.iter().map(|message| message.as_u128()).collect()
}

#[test]
fn messages_are_signed_by_standard_webhooks() {
    use base64::Engine as _;
    // https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/tests/test_webhooks.py: its
    // secret; the signature by an independent program (openssl).
    let secret = base64::engine::general_purpose::STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    assert_eq!(secret_text(&secret), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let signed = signature(&[&secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    let both = signature(&[&[1], &secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert!(both.starts_with("v1,") && both.ends_with(&format!(" {signed}")), "{both}");
}

#[test]
fn retries_back_off_from_seconds_to_a_day() {
    assert_eq!(back_off(1, 0), seconds(4));
    assert_eq!(back_off(1, 255), seconds(6));
    assert!(back_off(4, 0) > back_off(3, 255));
    assert_eq!(back_off(40, 0), days(1).mul_f64(0.8));
    for failures in -3..40 {
        assert!((seconds(4)..=days(1).mul_f64(1.2)).contains(&back_off(failures, 128)), "{failures}");
    }
}

#[test]
fn a_response_is_its_status_and_retry_after() {
    let answered = |headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        read_response(Ok(HttpResponse { status: 503, headers, body: Vec::new() }), NOON)
    };
    assert_eq!(answered(&[]), WebhookResponse::Status { code: 503, retry_after: None });
    let longest = Some(86_400);
    for (value, retry_after) in [
        (" 30 ", Some(30)),
        ("0", Some(0)),
        ("86400", longest),
        ("86400000", longest),
        ("99999999999999999999999", longest),
        ("Mon, 02 Mar 2026 12:10:00 GMT", Some(600)),
        ("Monday, 02-Mar-26 12:10:00 GMT", Some(600)),
        ("Mon Mar  2 12:10:00 2026", Some(600)),
        ("Mon, 02 Mar 2026 11:10:00 GMT", Some(0)),
        ("Wed, 21 Oct 2026 07:28:00 GMT", longest),
        ("Fri, 31 Dec 9999 23:59:59 GMT", longest),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("Mon, 99 Mar 2026 12:10:00 GMT", None),
    ] {
        let expected = WebhookResponse::Status { code: 503, retry_after };
        assert_eq!(answered(&[("date", "7"), ("retry-after", value)]), expected, "{value}");
    }
    let refused = read_response(Err(HttpError::UrlRefused(msg!("url-not-https"))), NOON);
    assert_eq!(refused, WebhookResponse::NoResponse { why: msg!("url-not-https") });
}

#[test]
fn each_response_is_classified() {
    let status = |code| classify_response(&WebhookResponse::Status { code, retry_after: None });
    for code in [200, 202, 204] {
        assert_eq!(status(code), DeliveryResult::Accepted);
    }
    for code in [400, 401, 404, 422] {
        assert!(matches!(status(code), DeliveryResult::Rejected(_)), "{code}");
    }
    for code in [301, 307, 408, 429, 500, 503] {
        assert!(matches!(status(code), DeliveryResult::Unreachable { .. }), "{code}");
    }
    assert_eq!(status(410), DeliveryResult::Gone);
    let unavailable = classify_response(&WebhookResponse::Status { code: 503, retry_after: Some(30) });
    assert!(
        matches!(unavailable, DeliveryResult::Unreachable { retry_after: Some(after), .. } if after == seconds(30))
    );
    assert!(matches!(
        classify_response(&WebhookResponse::NoResponse { why: Message::plain("") }),
        DeliveryResult::Unreachable { .. }
    ));
}

#[test]
fn a_url_is_trimmed_and_guarded() {
    let permits =
        |url: &str| if url.starts_with("https:") { Ok(()) } else { Err(Message::literal("it is private", "")) };
    assert_eq!(valid_url(permits, "callbackUrl", " https://erp.example/hook ").unwrap(), URL);
    for (url, code) in [("http://10.0.0.1/", Code::Invalid), ("", Code::Required)] {
        let refusal = valid_url(permits, "callbackUrl", url).unwrap_err();
        assert_eq!((refusal.code, refusal.field), (code, vec!["callbackUrl".to_owned()]), "{url}");
    }
    let long = format!("https://erp.example/{}", "x".repeat(2_000));
    assert_eq!(valid_url(permits, "callbackUrl", &long).unwrap_err().field, ["callbackUrl"]);
}

#[test]
fn two_secrets_overlap_for_a_limited_time() {
    assert_eq!(rotate("overlapHours", hours(24), NOON).unwrap(), NOON + hours(24));
    assert_eq!(rotate("overlapHours", Duration::ZERO, NOON).unwrap(), NOON);
    assert_eq!(rotate("overlapHours", OVERLAP_MAX, NOON).unwrap(), NOON + OVERLAP_MAX);
    let refusal = rotate("overlapHours", OVERLAP_MAX + seconds(1), NOON).unwrap_err();
    assert_eq!((refusal.code, refusal.field), (Code::Invalid, vec!["overlapHours".to_owned()]));
}

#[test]
fn a_secret_signs_until_it_expires() {
    let secrets = [secret(1, None), secret(2, Some(NOON + seconds(1))), secret(3, Some(NOON))];
    assert_eq!(signing_keys(&secrets, NOON), [&[1][..], &[2]]);
    assert_eq!(signing_keys(&secrets, NOON + seconds(1)), [&[1][..]]);
    assert_eq!(signing_keys(&secrets, NOON - seconds(1)).len(), 3);
}

#[test]
fn a_request_carries_id_time_and_a_signature_per_valid_secret() {
    let (message, body) = (Uuid::from_u128(5), r#"{"a":1}"#);
    let secrets = [secret(1, None), secret(2, Some(NOON + hours(1))), secret(3, Some(NOON))];
    let request = sign(URL, message, body.to_owned(), &secrets, NOON);
    let header = |name| request.headers.iter().find(|(of, _)| *of == name).map(|(_, value)| value.as_str());
    let id = message.to_string();
    let expected = signature(&[&[1], &[2]], &id, NOON.millis() / 1_000, body);
    assert_eq!((request.url.as_str(), request.body.as_slice()), (URL, body.as_bytes()));
    assert_eq!(request.method, HttpMethod::Post);
    assert_eq!(request.response_bytes_max, 0, "the body of the response is not read");
    assert_eq!(header("webhook-id"), Some(id.as_str()));
    assert_eq!(header("webhook-timestamp"), Some("1772452800"));
    assert_eq!(header("webhook-signature"), Some(expected.as_str()));
    assert_eq!(header("content-type"), Some("application/json"));
}

#[test]
fn a_run_starts_unless_the_endpoint_is_disabled_or_backs_off() {
    for (endpoint, expected) in [
        (Endpoint::new(None), RunStart::Disabled),
        (disabled(), RunStart::Disabled),
        (endpoint(), RunStart::Send { url: URL, max: RUN_MAX }),
        (failing(NOON, 1, NOON + seconds(1)), RunStart::Wait(NOON + seconds(1))),
        // A failing endpoint is probed with one message.
        (failing(NOON, 1, NOON), RunStart::Send { url: URL, max: 1 }),
    ] {
        assert_eq!(start_run(&endpoint, NOON), expected, "{endpoint:?}");
    }
}

#[test]
fn the_next_run_is_when_a_message_is_due_and_the_endpoint_may_be_called() {
    let (soon, late) = (NOON + seconds(5), NOON + seconds(50));
    for (endpoint, first_due, expected) in [
        (endpoint(), None, None),
        (endpoint(), Some(soon), Some(soon)),
        (failing(NOON, 1, late), Some(soon), Some(late)),
        (failing(NOON, 1, soon), Some(late), Some(late)),
        (failing(NOON, 1, soon), None, None),
        (disabled(), Some(soon), None),
        (Endpoint::new(None), Some(soon), None),
    ] {
        assert_eq!(next_run(&endpoint, first_due), expected, "{endpoint:?} {first_due:?}");
    }
}

#[test]
fn each_message_of_a_run_has_its_own_result() {
    let unsent = Attempt { message: Uuid::from_u128(4), response: None };
    let run = complete(&endpoint(), vec![attempt(1, 204), attempt(2, 422), attempt(3, 503), unsent]);
    assert_eq!((numbers(&run.accepted), numbers(&run.unsent)), (vec![1], vec![4]));
    let failed: Vec<_> =
        run.failed.iter().map(|(id, one)| (id.as_u128(), one.why.clone(), one.is_endpoint_failure)).collect();
    assert_eq!(failed, [(2, Message::plain("HTTP 422"), false), (3, Message::plain("HTTP 503"), true)]);
}

#[test]
fn a_rejected_message_does_not_count_against_its_endpoint() {
    for code in [400, 401, 404, 422] {
        assert_eq!(complete(&endpoint(), vec![attempt(1, code)]).endpoint, endpoint(), "{code}");
    }
}

#[test]
fn an_endpoint_that_answers_again_is_healthy() {
    for code in [200, 422] {
        let run = complete(&failing(NOON - days(2), 9, NOON), vec![attempt(1, code)]);
        assert_eq!(run.endpoint, endpoint(), "{code}");
    }
}

#[test]
fn a_failing_endpoint_backs_off() {
    let first = complete(&endpoint(), vec![attempt(1, 503), attempt(2, 503)]).endpoint;
    assert_eq!((first.failing_since, first.failures), (Some(NOON), 1), "one failure per run");
    assert!(first.retry_at.is_some_and(|at| (NOON + seconds(4)..=NOON + seconds(6)).contains(&at)));
    let second = complete(&Endpoint { failing_since: Some(NOON - hours(1)), ..first }, vec![attempt(1, 503)]).endpoint;
    assert_eq!((second.failing_since, second.failures), (Some(NOON - hours(1)), 2));
    assert!(second.retry_at.is_some_and(|at| (NOON + seconds(12)..=NOON + seconds(18)).contains(&at)));
    assert_eq!(second.disabled_at, None);
}

#[test]
fn an_endpoint_says_itself_how_long_to_wait_at_least() {
    let answered = |retry_after| {
        let response = Some(WebhookResponse::Status { code: 429, retry_after: Some(retry_after) });
        complete(&endpoint(), vec![Attempt { message: Uuid::nil(), response }]).endpoint.retry_at.unwrap()
    };
    assert_eq!(answered(600), NOON + minutes(10));
    assert!(answered(1) >= NOON + seconds(4), "never sooner than the back-off");
    assert_eq!(answered(86_400_000), NOON + days(1), "nor later than a day, even if it was stored without a bound");
}

#[test]
fn an_endpoint_is_tried_at_the_time_at_which_it_is_disabled() {
    let answered = |since: Timestamp, retry_after| {
        let response = Some(WebhookResponse::Status { code: 503, retry_after });
        complete(&failing(since, 20, NOON), vec![Attempt { message: Uuid::nil(), response }]).endpoint
    };
    let since = NOON - DISABLE_AFTER + hours(1);
    for retry_after in [None, Some(30), Some(86_400)] {
        let waiting = answered(since, retry_after);
        assert_eq!((waiting.retry_at, waiting.disabled_at), (Some(NOON + hours(1)), None), "{retry_after:?}");
    }
    assert_eq!(answered(NOON - DISABLE_AFTER, Some(86_400)).disabled_at, Some(NOON));
}

#[test]
fn an_endpoint_is_disabled_after_long_failure_or_at_once_if_it_is_gone() {
    let disabled = |endpoint: &Endpoint, code| {
        let run = complete(endpoint, vec![attempt(1, code)]);
        run.endpoint.disabled_at.map(|at| (at, run.endpoint.disabled_because.unwrap()))
    };
    let since = |ago| failing(NOON - ago, 20, NOON);
    assert_eq!(disabled(&since(DISABLE_AFTER), 503), Some((NOON, Message::plain("HTTP 503"))));
    assert_eq!(disabled(&since(DISABLE_AFTER - seconds(1)), 503), None);
    assert_eq!(disabled(&since(DISABLE_AFTER), 200), None);
    assert_eq!(disabled(&since(DISABLE_AFTER), 422), None, "it is reachable");
    assert_eq!(disabled(&endpoint(), 410), Some((NOON, msg!("webhooks-gone"))));
}

/// A message as a customer stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    id: u128,
    entry: QueueEntry,
    state: QueueState,
}

impl QueuedMessage for Stored {
    fn id(&self) -> Uuid {
        Uuid::from_u128(self.id)
    }

    fn entry_mut(&mut self) -> &mut QueueEntry {
        &mut self.entry
    }

    fn set_state(&mut self, state: QueueState) {
        self.state = state;
    }
}

fn rejected() -> Failure {
    Failure { why: Message::plain("HTTP 422"), is_endpoint_failure: false }
}

fn unreachable() -> Failure {
    Failure { why: Message::plain("timeout"), is_endpoint_failure: true }
}

#[test]
fn a_new_message_is_due_at_once_if_there_is_an_endpoint_to_call() {
    for (endpoint, due_at) in [
        (endpoint(), Some(NOON)),
        (failing(NOON, 1, NOON + hours(1)), Some(NOON)),
        (Endpoint::new(None), None),
        (disabled(), None),
    ] {
        assert_eq!(enqueue(&endpoint, NOON), QueueEntry { due_at, ..QueueEntry::default() }, "{endpoint:?}");
    }
}

#[test]
fn a_message_that_leaves_the_queue_is_not_scheduled() {
    let failure = Some(Message::plain("HTTP 422"));
    let entry = QueueEntry { attempts: 2, rejections: 1, due_at: Some(NOON), sent_at: Some(NOON), failure };
    let (mut withdrawn, mut accepted) = (entry.clone(), entry.clone());
    withdraw(&mut withdrawn);
    accept(&mut accepted);
    assert_eq!(withdrawn, QueueEntry { due_at: None, ..entry.clone() });
    assert_eq!(accepted, QueueEntry { due_at: None, failure: None, ..entry });
}

#[test]
fn a_failed_message_is_due_again_or_a_dead_letter() {
    let retry_at = Some(NOON + hours(2));
    for (before, failure, rejections, state, due_at) in [
        (0, rejected(), 1, QueueState::Due, Some(NOON + back_off(1, NO_JITTER))),
        (3, rejected(), 4, QueueState::Due, Some(NOON + back_off(4, NO_JITTER))),
        (REJECTIONS_MAX - 2, rejected(), REJECTIONS_MAX - 1, QueueState::Due, Some(NOON + back_off(9, NO_JITTER))),
        (REJECTIONS_MAX - 1, rejected(), REJECTIONS_MAX, QueueState::Dead, None),
        // It waits for its endpoint without being counted.
        (0, unreachable(), 0, QueueState::Due, retry_at),
        (REJECTIONS_MAX - 1, unreachable(), REJECTIONS_MAX - 1, QueueState::Due, retry_at),
    ] {
        let mut entry = QueueEntry { rejections: before, due_at: Some(NOON), ..QueueEntry::default() };
        assert_eq!(fail(&mut entry, &failure, retry_at, NOON, NO_JITTER), state, "{before} {failure:?}");
        let expected = QueueEntry { rejections, due_at, failure: Some(failure.why.clone()), ..QueueEntry::default() };
        assert_eq!(entry, expected, "{before} {failure:?}");
    }
}

#[test]
fn the_failures_of_a_run_are_recorded_in_its_messages() {
    let message = |id, rejections| {
        let entry = QueueEntry { rejections, due_at: Some(NOON), ..QueueEntry::default() };
        Stored { id, entry, state: QueueState::Due }
    };
    let failed = [(1, rejected()), (2, rejected()), (3, unreachable())].map(|(id, one)| (Uuid::from_u128(id), one));
    let mut messages = [message(3, 0), message(1, 0), message(2, REJECTIONS_MAX - 1), message(4, 0)];
    let dead = fail_all(&mut messages, &failed, Some(NOON + hours(2)), NOON, NO_JITTER);
    assert_eq!(dead, [messages[2].clone()], "as it is saved");
    assert_eq!(messages[3], message(4, 0), "it did not fail");
    let recorded = messages.map(|one| (one.id, one.state, one.entry.rejections));
    assert_eq!(
        recorded[..3],
        [(3, QueueState::Due, 0), (1, QueueState::Due, 1), (2, QueueState::Dead, REJECTIONS_MAX)]
    );
}

#[test]
fn a_dead_letter_is_replayed_if_there_is_an_endpoint_to_call() {
    let dead = |id| {
        let failure = Some(Message::plain("HTTP 422"));
        let entry = QueueEntry { attempts: 12, rejections: 10, sent_at: Some(NOON - days(1)), failure, due_at: None };
        Stored { id, entry, state: QueueState::Dead }
    };
    for (endpoint, is_called) in [
        (endpoint(), true),
        // The run waits for the endpoint.
        (failing(NOON, 1, NOON + hours(1)), true),
        (Endpoint::new(None), false),
        (disabled(), false),
    ] {
        let mut messages = [dead(1), dead(2)];
        let inactive = || refuse(Code::Invalid, "deliveryId", Message::literal("it is not called", ""));
        let replayed = replay_all(&endpoint, &mut messages, NOON, inactive);
        if !is_called {
            assert_eq!(replayed.unwrap_err().field, ["deliveryId"], "{endpoint:?}");
            assert_eq!(messages, [dead(1), dead(2)], "{endpoint:?}");
            continue;
        }
        replayed.unwrap();
        for message in messages {
            let Stored { entry: QueueEntry { attempts, rejections, due_at, .. }, state, .. } = message;
            assert_eq!((attempts, rejections, due_at, state), (0, 0, Some(NOON), QueueState::Due), "{endpoint:?}");
        }
    }
}
