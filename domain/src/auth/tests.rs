use super::decide::{
    Counter, RefreshDecision, Throttle, check_password, minutes_to_wait, normalized, refresh, stored_forms, throttles,
};
use crate::kernel::{Timestamp, minutes, seconds};

const NOW: Timestamp = Timestamp::from_millis(1_000_000_000_000);

#[test]
fn common_passwords_are_refused() {
    for (password, good) in [
        ("correct horse", true),
        ("buoy-demo", true),
        ("Kx7-piano-lamp", true),
        ("mountain range", true),
        ("mountain73921", true),
        ("密码不是这个啊呀", true),
        ("short", false),
        ("12345678", false),
        ("1234567890123456", false),
        ("87654321", false),
        ("7890123456", false),
        ("abcdefgh", false),
        ("aaaaaaaa", false),
        ("ababababab", false),
        ("12341234", false),
        ("testtest", false),
        ("password", false),
        ("Password1", false),
        ("PASSWORD123!", false),
        ("passw0rd", false),
        ("qwertyuiop", false),
        ("1qaz2wsx", false),
        ("woaini1314", false),
        ("welcome2024", false),
        ("admin@123", false),
        ("１２３４５６７８", false),
        ("ｐａｓｓｗｏｒｄ", false),
    ] {
        assert_eq!(check_password("password", password).is_ok(), good, "{password}");
    }
}

#[test]
fn the_length_of_a_password_is_that_of_its_composed_form() {
    // Six letters, three of them with a combining accent.
    assert!(check_password("password", "ze\u{301}ve\u{301}ke\u{301}").is_err());
    assert!(check_password("password", &"x\u{301}-".repeat(129)).is_err());
}

#[test]
fn composed_and_decomposed_passwords_are_the_same() {
    let (composed, decomposed) = ("caf\u{e9} noir sud", "cafe\u{301} noir sud");
    assert_eq!(normalized(decomposed), composed);
    assert_eq!(normalized(composed), composed);
    assert_eq!(stored_forms(composed), [composed, decomposed]);
    assert_eq!(stored_forms(decomposed), [composed, decomposed]);
    assert_eq!(stored_forms("plain"), ["plain"], "one hash suffices");
}

#[test]
fn an_attempt_waits_for_each_counter_that_is_full() {
    use Throttle::{Account, Address, Pair};
    let ago = |n: u64| NOW - minutes(n);
    for (counters, wait) in [
        (vec![], None),
        (vec![(Pair, 9, ago(1)), (Account, 99, ago(1)), (Address, 99, ago(1))], None),
        (vec![(Pair, 10, ago(1))], Some(15)),
        (vec![(Pair, 10, ago(14))], Some(2)),
        (vec![(Pair, 10, ago(15))], None),
        (vec![(Account, 100, ago(5))], Some(11)),
        (vec![(Address, 100, ago(5)), (Pair, 10, ago(10))], Some(11)),
        (vec![(Account, 10, ago(1)), (Address, 10, ago(1))], None),
    ] {
        let counters: Vec<Counter> = counters
            .into_iter()
            .map(|(throttle, failures, window_from)| Counter { throttle, failures, window_from })
            .collect();
        assert_eq!(minutes_to_wait(&counters, NOW), wait, "{counters:?}");
    }
    assert_eq!(throttles(true), [Pair], "strangers do not lock a known device out");
    assert_eq!(throttles(false), [Pair, Account, Address]);
}

#[test]
fn a_replaced_refresh_token_repeats_for_a_moment_and_ends_the_session_later() {
    use RefreshDecision::{Renew, Repeat, Reused};
    let replaced = |secs: u64| Some(NOW - seconds(secs));
    for (given, current, replaced_at, expected) in [
        (0, 0, None, Renew),
        (3, 3, replaced(5), Renew),
        (3, 3, replaced(90_000), Renew),
        (2, 3, replaced(0), Repeat),
        (2, 3, replaced(29), Repeat),
        (2, 3, replaced(30), Reused),
        (1, 3, replaced(1), Reused),
        (0, 1, None, Reused),
        // After the restore of an older state.
        (4, 3, replaced(1), Reused),
        (i32::MAX, 3, replaced(1), Reused),
    ] {
        assert_eq!(refresh(given, current, replaced_at, NOW), expected, "{given} of {current}, {replaced_at:?}");
    }
}
