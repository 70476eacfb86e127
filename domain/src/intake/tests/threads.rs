//! Which ticket a message belongs to, and what short messages mean.

use crate::intake::decide::thread::{Candidate, Effect, Incoming, thread};
use crate::intake::decide::words::{NamedTicket, StaffOrder, is_chase, is_thanks, new_matter, staff_message};
use crate::kernel::{TicketId, Timestamp, days};
use crate::tickets::model::TicketStatus;
use uuid::Uuid;

#[test]
fn asking_again_is_told_from_a_new_matter() {
    for text in [
        "催一下",
        "还没有人来，什么时候到？",
        "还没人来",
        "请尽快处理",
        "师傅什么时候到",
        "？？",
        "处理进度怎么样了",
        "有人吗",
        "When will somebody come?",
        "still nobody here?",
        "Any update?",
        "any news on this please",
    ] {
        assert!(is_chase(text), "{text}");
    }
    for text in [
        "3号炉报警 E-721 请尽快来",
        "2 号线也停了，什么时候能来",
        "泵站漏液，请尽快派人",
        "The second press has stopped too, any update?",
        "还有一个问题：空压机压力不足，请尽快安排",
        "我在路上",
        "",
        "谢谢",
    ] {
        assert!(!is_chase(text), "{text}");
    }
    for (text, expected) in [
        ("谢谢！", true),
        ("好的，谢谢", true),
        ("Thanks a lot!", true),
        ("谢谢，但是还报警", false),
        ("no thanks needed, it fails again", false),
    ] {
        assert_eq!(is_thanks(text), expected, "{text}");
    }
    for (text, expected) in [
        ("new: the press leaks", Some("the press leaks")),
        ("NEW：压机漏油", Some("压机漏油")),
        ("新问题：空压机", Some("空压机")),
        ("新工单 3 号线停机", Some("3 号线停机")),
        ("报修：3 号线停机", Some("报修：3 号线停机")),
        ("报修了三天还没人来", None),
        ("newly installed pump fails", None),
        ("新:", None),
    ] {
        assert_eq!(new_matter(text), expected, "{text}");
    }
}

#[test]
fn an_engineers_message_is_an_order_or_a_reply() {
    let comment = |text: &str, internal| StaffOrder::Comment { text: text.to_owned(), internal };
    let wait = |reason: &str| StaffOrder::Wait { reason: reason.to_owned() };
    for (text, ticket, order) in [
        ("接单", None, StaffOrder::Accept),
        ("#12 accept", Some(12), StaffOrder::Accept),
        ("#12：我在路上", Some(12), comment("我在路上", false)),
        ("我在路上", None, comment("我在路上", false)),
        ("等待 配件明天到", None, wait("配件明天到")),
        ("等待配件", None, wait("配件")),
        ("waiting for the spare part", None, wait("for the spare part")),
        ("waiting", None, comment("waiting", false)),
        ("已解决。", None, StaffOrder::Resolve),
        ("#7 done", Some(7), StaffOrder::Resolve),
        ("内部：客户很着急", None, comment("客户很着急", true)),
        ("internal: bring the big key", None, comment("bring the big key", true)),
    ] {
        let message = staff_message(text);
        assert_eq!((message.ticket, message.order), (ticket.map(NamedTicket::Number), order), "{text}");
    }
}

fn candidate(n: u128, status: TicketStatus, days_ago: u64) -> Candidate {
    let ended = matches!(status, TicketStatus::Resolved | TicketStatus::Closed | TicketStatus::Cancelled);
    let at = NOW - days(days_ago);
    Candidate {
        ticket: TicketId(Uuid::from_u128(n)),
        status,
        ended_at: ended.then_some(at),
        changed_at: at,
        conversations: vec![format!("chat{n}")],
        subjects: vec![format!("subject {n}")],
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

#[derive(Clone, Copy)]
struct Case<'a> {
    text: &'a str,
    subject: Option<&'a str>,
    is_reply: bool,
    chat: Option<&'a str>,
    referred: Option<(u128, TicketStatus, u64)>,
    recent: &'a [(u128, TicketStatus, u64)],
}

#[test]
fn a_message_finds_its_ticket() {
    use TicketStatus::{Assigned, Closed, InProgress, Resolved};
    let chat =
        Case { text: "压机还在漏油", subject: None, is_reply: false, chat: None, referred: None, recent: &[] };
    let mail = Case { subject: Some("subject 9"), ..chat };
    let check = |case: Case<'_>, expected: Option<(u128, Effect)>| {
        let recent: Vec<Candidate> = case.recent.iter().map(|(n, status, ago)| candidate(*n, *status, *ago)).collect();
        let incoming = Incoming {
            text: case.text,
            subject: case.subject,
            is_reply: case.is_reply,
            conversation: case.chat,
            referred: case.referred.map(|(n, status, ago)| candidate(n, status, ago)),
            recent: &recent,
            is_new_matter: false,
        };
        let found = thread(&incoming, days(7), NOW).map(|(ticket, effect)| (ticket.0.as_u128(), effect));
        assert_eq!(found, expected, "{:?} {:?}", case.text, case.recent);
        let new = Incoming { is_new_matter: true, ..incoming };
        assert_eq!(thread(&new, days(7), NOW), None);
    };
    // A chat: the writer's only ticket of the last days.
    check(chat, None);
    check(Case { recent: &[(1, Assigned, 0)], ..chat }, Some((1, Effect::Comment)));
    check(Case { recent: &[(1, Assigned, 8)], ..chat }, None);
    check(Case { recent: &[(1, Assigned, 0), (2, InProgress, 1)], ..chat }, None);
    check(
        Case { chat: Some("chat2"), recent: &[(1, Assigned, 0), (2, InProgress, 1)], ..chat },
        Some((2, Effect::Comment)),
    );
    check(
        Case { text: "什么时候到？", recent: &[(1, Assigned, 0), (2, InProgress, 1)], ..chat },
        Some((1, Effect::Chase)),
    );
    check(Case { recent: &[(1, Resolved, 1)], ..chat }, Some((1, Effect::Reopen)));
    check(Case { text: "好的，谢谢", recent: &[(1, Resolved, 1)], ..chat }, Some((1, Effect::Comment)));
    check(Case { recent: &[(1, Closed, 1)], ..chat }, None);
    // A reply, whatever else is open.
    let reply = Case { referred: Some((3, Assigned, 30)), recent: &[(1, Assigned, 0)], ..mail };
    check(reply, Some((3, Effect::Comment)));
    check(Case { referred: Some((3, Closed, 6)), ..reply }, Some((3, Effect::Reopen)));
    check(Case { referred: Some((3, Closed, 8)), ..reply }, None);
    // A mail: another subject is another matter, except where it only asks again.
    check(Case { recent: &[(1, Assigned, 0)], ..mail }, None);
    check(Case { subject: Some("subject 1"), recent: &[(1, Assigned, 0)], ..mail }, None);
    let answer = Case { subject: Some("subject 1"), is_reply: true, ..mail };
    check(Case { recent: &[(1, Assigned, 0)], ..answer }, Some((1, Effect::Comment)));
    check(
        Case { text: "还没有人来？", subject: Some("催单"), recent: &[(1, Assigned, 0)], ..mail },
        Some((1, Effect::Chase)),
    );
    check(Case { text: "请尽快处理", recent: &[(1, Assigned, 0)], ..mail }, None);
}
