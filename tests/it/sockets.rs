//! WebSocket itself: messages in several frames, and the codes of clients that break its rules.

use tests::socket::Socket;
use tests::{Desk, json};

/// The default of websocket.frame_bytes_max.
const MESSAGE_BYTES_MAX: usize = 131_072;

/// A masked frame with a mask of zeros; `first` has the flags and the opcode.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let length = match length {
        0..=125 => vec![0x80 | u8::try_from(length).unwrap()],
        126..=0xffff => [&[0x80 | 126][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
        _ => [&[0x80 | 127][..], &(length as u64).to_be_bytes()].concat(),
    };
    [&[first][..], &length, &[0; 4], payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_several_frames_is_put_together() {
    let desk = Desk::start().await;
    let agent = desk.as_("agent1").await;
    // The first message, too.
    let mut socket = Socket::connect(&agent, Some("graphql-transport-ws")).await;
    let token = format!("Bearer {}", agent.token.as_ref().unwrap());
    let init = json!({ "type": "connection_init", "payload": { "authorization": token } }).to_string();
    let (start, end) = init.as_bytes().split_at(9);
    socket.send_in_parts(&[start, end]).await;
    assert_eq!(socket.receive().await["type"], "connection_ack");
    let query = "{ viewer { name } } # 界";
    let message = json!({ "type": "subscribe", "id": "q", "payload": { "query": query } }).to_string();
    let character = message.find('界').unwrap();
    for cuts in [vec![], vec![1], vec![1, 1, 40], vec![character + 1], vec![10, character + 2]] {
        let mut parts = Vec::new();
        let mut from = 0;
        for cut in cuts.iter().copied().chain([message.len()]) {
            parts.push(&message.as_bytes()[from..cut]);
            from = cut;
        }
        socket.send_in_parts(&parts).await;
        assert_eq!(socket.event().await, json!({ "viewer": { "name": "agent1" } }), "{cuts:?}");
        assert_eq!(socket.receive().await, json!({ "type": "complete", "id": "q" }), "{cuts:?}");
    }
    // As long as a message may be.
    let padding = MESSAGE_BYTES_MAX - message.len();
    let (start, end) = message.as_bytes().split_at(20);
    socket.send_in_parts(&[start, end, &vec![b' '; padding]]).await;
    assert_eq!(socket.event().await["viewer"]["name"], "agent1");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_breaks_the_rules_is_closed_with_a_code() {
    let desk = Desk::start().await;
    let agent = desk.as_("agent1").await;
    let half = vec![b' '; MESSAGE_BYTES_MAX / 2 + 1];
    for (what, bytes, code) in [
        ("a frame without a mask", vec![0x81, 2, b'{', b'}'], 1002),
        ("a reserved bit", frame(0xc1, b"{}"), 1002),
        ("an unknown opcode", frame(0x83, b""), 1002),
        ("the end of nothing", frame(0x80, b""), 1002),
        ("the middle of nothing", frame(0x00, b""), 1002),
        ("a long ping", frame(0x89, &[0; 126]), 1002),
        ("a ping in parts", frame(0x09, b""), 1002),
        ("a message within another", [frame(0x01, b"{"), frame(0x81, b"{}")].concat(), 1002),
        ("a close without a valid code", frame(0x88, &[0x03, 0xed]), 1002),
        ("a text that is not UTF-8", frame(0x81, &[0xff]), 1007),
        ("parts that are not UTF-8", [frame(0x01, &[0xff]), frame(0x80, b"")].concat(), 1007),
        ("a binary message", frame(0x82, b"{}"), 4400),
        ("a binary message in parts", frame(0x02, b"{"), 4400),
        ("parts that are too big", [frame(0x01, &half), frame(0x00, &half)].concat(), 1009),
        // Only announced: nothing more comes.
        ("a frame of 8 GiB", [&[0x81, 0xff][..], &(8_u64 << 30).to_be_bytes(), &[0; 4]].concat(), 1009),
    ] {
        let mut socket = Socket::open(&agent).await;
        socket.write_bytes(&bytes).await;
        assert_eq!(socket.close_code().await, code, "{what}");
    }
    desk.close().await;
}
