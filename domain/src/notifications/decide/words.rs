//! What a message says, in both languages, from the ticket as it is.

use jiff::SignedDuration;

use crate::kernel::Message;
use crate::kernel::time::spoken;
use crate::notifications::model::{Cause, Channel, Params, Tongue, UnseenReason, Verdict};
use crate::tickets::model::{Needs, Priority, SlaMetric, Ticket};

impl Tongue {
    pub fn pick(self, message: &Message) -> String {
        match self {
            Self::Chinese => message.zh.clone(),
            Self::English => message.en.clone(),
        }
    }
}

/// A title and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub title: Message,
    pub body: Message,
}

const fn priority_en(priority: Priority) -> &'static str {
    match priority {
        Priority::Urgent => "Urgent",
        Priority::High => "High",
        Priority::Normal => "Normal",
        Priority::Low => "Low",
    }
}

const fn priority_zh(priority: Priority) -> &'static str {
    match priority {
        Priority::Urgent => "紧急",
        Priority::High => "高",
        Priority::Normal => "普通",
        Priority::Low => "低",
    }
}

fn spoken_zh(seconds: i64) -> String {
    let minutes = seconds / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds} 秒"),
        (0, m) => format!("{m} 分钟"),
        (h, 0) => format!("{h} 小时"),
        (h, m) => format!("{h} 小时 {m} 分钟"),
    }
}

/// What a notification says. `about`: the name of the person whom it names.
pub fn text(cause: Cause, params: &Params, ticket: Option<&Ticket>, about: Option<&str>, repeated: bool) -> Text {
    let (number, subject, subject_zh) = match ticket {
        Some(ticket) => (
            format!("#{}", ticket.number),
            format!("{} · {}", priority_en(ticket.priority), ticket.title),
            format!("{} · {}", priority_zh(ticket.priority), ticket.title),
        ),
        None => (String::new(), String::new(), String::new()),
    };
    let waited = params.waited.unwrap_or(0);
    let (waited, waited_zh) = (spoken(SignedDuration::from_secs(waited)), spoken_zh(waited));
    let (who, who_zh) = (about.unwrap_or("Somebody"), about.unwrap_or("有人"));
    let (mut title, body) = match cause {
        Cause::Assigned => (
            Message::new(format!("Ticket {number} is yours"), format!("工单 {number} 已分派给您")),
            Message::new(subject, subject_zh),
        ),
        Cause::Escalation1 => (
            Message::new(
                format!("Level 1: ticket {number} has waited {waited}"),
                format!("【一级预警】工单 {number} 已等待 {waited_zh}"),
            ),
            Message::new(
                format!("{subject}\nNobody has responded yet. Accept it, answer it, or hand it over."),
                format!("{subject_zh}\n尚未首次响应。请受理、回复或转交。"),
            ),
        ),
        Cause::Escalation2 => (
            Message::new(
                format!("Level 2: ticket {number} has waited {waited}"),
                format!("【二级预警】工单 {number} 已等待 {waited_zh}"),
            ),
            Message::new(format!("{subject}\n{}", level_2(about).en), format!("{subject_zh}\n{}", level_2(about).zh)),
        ),
        Cause::Escalation3 => (
            Message::new(
                format!("Level 3: ticket {number} has waited {waited}"),
                format!("【三级预警】工单 {number} 已等待 {waited_zh}"),
            ),
            Message::new(
                format!("{subject}\n{}", level_3(params, about).en),
                format!("{subject_zh}\n{}", level_3(params, about).zh),
            ),
        ),
        Cause::Mention => (
            Message::new(
                format!("{who} mentions you in ticket {number}"),
                format!("{who_zh} 在工单 {number} 中提到了您"),
            ),
            Message::new(subject, subject_zh),
        ),
        Cause::Comment => (
            Message::new(format!("{who} wrote to ticket {number}"), format!("{who_zh} 回复了工单 {number}")),
            Message::new(subject, subject_zh),
        ),
        Cause::SlaRisk => {
            let response = params.word.as_deref() == Some(SlaMetric::FirstResponse.word());
            let (what, what_zh) = if response { ("first response", "首次响应") } else { ("resolution", "解决") };
            (
                Message::new(
                    format!("Ticket {number}: time for {what} is running out"),
                    format!("工单 {number} 的{what_zh}时限即将到期"),
                ),
                Message::new(subject, subject_zh),
            )
        }
        Cause::TeamQueue => (
            Message::new(
                format!("Ticket {number} waits in the queue: nobody suitable is there"),
                format!("工单 {number} 暂无合适人员，已进入团队队列"),
            ),
            Message::new(
                format!(
                    "{subject}\nAssign it, or make somebody available: it is tried again whenever the roster changes."
                ),
                format!("{subject_zh}\n请指派，或安排人员到岗：人员变化时会自动重新分派。"),
            ),
        ),
        Cause::Digest => {
            let count = params.count.unwrap_or(0);
            (
                Message::new(format!("{count} messages"), format!("{count} 条消息")),
                Message::new(String::new(), String::new()),
            )
        }
        Cause::Credential => (Message::new("Buoy needs an administrator", "系统告警：请管理员处理"), alert(params)),
        Cause::Knowledge if params.month.is_some() => {
            let month = params.month.as_deref().unwrap_or_default();
            (
                Message::new(format!("The health report of {month} is made"), format!("{month} 工单健康度报告已生成")),
                Message::new(
                    "What the month has taught: as a page with charts, and as a file to send.",
                    "可在线查看图表，也可下载文件转发。",
                ),
            )
        }
        Cause::Knowledge if params.card.is_none() => {
            let count = params.count.unwrap_or(0);
            let word = params.word.as_deref().unwrap_or_default();
            let (name, name_zh) = params.name.as_ref().map_or((word, word), |name| (&name.en, &name.zh));
            (
                Message::new(
                    format!("{name}: first-time resolution stays low"),
                    format!("{name_zh}：首次解决率持续偏低"),
                ),
                Message::new(
                    format!(
                        "Three weeks under the mark. {count} topics have no knowledge card: see which, and pass on what is known."
                    ),
                    format!("已连续三周低于目标，{count} 个主题尚无知识卡片，请查看并补充。"),
                ),
            )
        }
        Cause::Knowledge => {
            let count = params.count.unwrap_or(0);
            (
                Message::new(
                    format!("A knowledge card was drafted from {count} tickets"),
                    format!("已由 {count} 张工单自动生成知识卡片草稿"),
                ),
                Message::new(
                    "The same cause was solved the same way again and again. Review the draft, and publish it.",
                    "同一根因以同一方案反复解决，请审核并发布该卡片。",
                ),
            )
        }
        Cause::Survey => (
            Message::new(format!("How did we do? Ticket {number}"), format!("请评价：工单 {number} 的服务")),
            Message::new(
                format!("{subject}\nIt is closed. One tap says how content you are."),
                format!("{subject_zh}\n工单已关闭，点一下即可评价。"),
            ),
        ),
        Cause::PendingReport => {
            let (name, name_zh) = params.name.as_ref().map_or(("", ""), |name| (&name.en, &name.zh));
            let needs = pending(params.word.as_deref());
            (
                Message::new(
                    format!("Ticket {number}: {name} was reported and waits for you"),
                    format!("工单 {number}：{name_zh}（外部系统上报）待处理"),
                ),
                Message::new(format!("{subject}\n{}", needs.en), format!("{subject_zh}\n{}", needs.zh)),
            )
        }
        Cause::Released => (
            Message::new(format!("Your request is ticket {number} now"), format!("您的请求已受理：工单 {number}")),
            Message::new(
                format!(
                    "{subject}\nIt reached us {waited} ago and was held by a fault on our side. Nothing of it was lost; it is being dealt with now."
                ),
                format!("{subject_zh}\n该请求于 {waited_zh}前收到，因我方故障被暂存，内容未丢失，现已开始处理。"),
            ),
        ),
        Cause::Prediction => (Message::new("Prediction", "预判"), Message::new(subject, subject_zh)),
    };
    if repeated {
        title.en.push_str(" (sent again: it is not known whether the first one arrived)");
        title.zh.push_str("（重发：前一条是否送达未知）");
    }
    Text { title, body }
}

fn level_2(about: Option<&str>) -> Message {
    match about {
        Some(about) => Message::new(
            format!("Assigned to {about}, who has not responded. The supervisor is told too."),
            format!("责任人：{about}，仍未响应，已同时通知其直属主管。"),
        ),
        None => Message::new("It is assigned to nobody: assign it.", "尚未分派给任何人，请分派。"),
    }
}

fn level_3(params: &Params, about: Option<&str>) -> Message {
    match (params.word.as_deref() == Some("STAYS"), about) {
        (true, Some(about)) => Message::new(
            format!("It stays with {about}: nobody else is eligible. It is tried again whenever the roster changes."),
            format!("仍由 {about} 负责：暂无其他合适人员，人员变化时会自动重试。"),
        ),
        (_, None) => Message::new(
            "It is assigned to nobody: nobody is eligible. It is tried again whenever the roster changes.",
            "尚未分派：暂无合适人员，人员变化时会自动重试。",
        ),
        (false, Some(about)) => Message::new(format!("It was reassigned to {about}."), format!("已改派给 {about}。")),
    }
}

/// What a reported step waits for.
fn pending(needs: Option<&str>) -> Message {
    match needs.and_then(Needs::parse) {
        Some(Needs::Attribution) => Message::new(
            "Another system says that it is done. Resolve it here with its cause and solution, or dismiss the report.",
            "其他系统已上报完成，请填写归因并解决，或驳回该上报。",
        ),
        Some(Needs::Assignee) => Message::new(
            "Another system says that it is being worked on. Assign it to somebody.",
            "其他系统已上报处理中，请指派受理人。",
        ),
        Some(Needs::Decision) | None => Message::new(
            "Another system says what no step leads to here. Decide: change the ticket, or dismiss the report.",
            "其他系统上报的状态在此无法自动变更，请人工处理，或驳回该上报。",
        ),
    }
}

/// When a credential ends.
fn ends(days: i64) -> Message {
    match days {
        0 => Message::new("today, or has ended", "今日"),
        1 => Message::new("in 1 day", "将于 1 天后"),
        days => Message::new(format!("in {days} days"), format!("将于 {days} 天后")),
    }
}

/// What administrators are told of Buoy itself.
fn alert(params: &Params) -> Message {
    let seconds = params.count.unwrap_or(0);
    let (name, name_zh) = params.name.as_ref().map_or(("", ""), |name| (&name.en, &name.zh));
    match params.word.as_deref() {
        Some("CLOCK_JUMPED") => Message::new(
            format!("The machine's clock jumped by {seconds} s. Check its time service (NTP)."),
            format!("服务器时钟跳变 {seconds} 秒，请检查时间同步服务（NTP）。"),
        ),
        Some("SYSTEM_DISABLED") => Message::new(
            format!(
                "The webhook of {name} has failed for too long and is called no more: mend it, enable the system, and replay its dead letters."
            ),
            format!("{name} 的回调地址长时间失败，已停止调用：请修复后重新启用该系统，并重发死信。"),
        ),
        Some("SIGNATURE_FAILING") => Message::new(
            format!(
                "Submissions by {name} fail their check. Nothing is lost: they are in quarantine. Mend the credential (was its secret changed?), then release them."
            ),
            format!(
                "来自 {name_zh} 的提交校验失败。均已隔离保存，没有丢失：请检查并修复凭据（密钥是否已变更？），然后放行。"
            ),
        ),
        Some("QUARANTINE_FULL") => Message::new(
            format!(
                "The quarantine of {name} is full: its senders are told to come back later. Mend the credential and release what is held."
            ),
            format!("{name_zh} 的隔离区已满，发送方会收到稍后重试的提示。请修复凭据并放行。"),
        ),
        Some("CREDENTIAL_FAILING") => Message::new(
            format!(
                "{name} does not know our credential any more: what goes that way fails, and falls over to other channels. Was its secret changed? Put the new one into the configuration, and restart."
            ),
            format!(
                "{name_zh} 的凭据已失效：该渠道的发送均失败，正改走其他渠道。密钥是否已变更？请更新配置中的密钥并重启。"
            ),
        ),
        Some("CANARY_LOST") => Message::new(
            format!(
                "A synthetic ticket sent by the gateway {name} has not arrived, or does not stand: requests for help may be getting lost. Look at its credential and its way here."
            ),
            format!("通过网关 {name_zh} 发送的探测工单未到达或未留存：真实报修可能正在丢失，请检查凭据与链路。"),
        ),
        Some("GATEWAY_SILENT") => Message::new(
            format!(
                "Nothing has come by {name} for longer than usual at this hour. See whether its provider still calls us."
            ),
            format!("网关 {name_zh} 的静默时长超过该时段的常态，请确认提供方是否仍在回调。"),
        ),
        Some("CREDENTIAL_EXPIRING") => Message::new(
            format!(
                "The credential {name} ends {}. Rotate it in time: the old secret and the new one overlap.",
                ends(seconds).en
            ),
            format!("凭据 {name_zh} {}到期，请及时更换：新旧密钥可并存。", ends(seconds).zh),
        ),
        Some("CREDENTIAL_ROTATED") => Message::new(
            format!("The secret of {name} was changed. If that was not you, look into it at once."),
            format!("密钥变更告警：凭据 {name_zh} 的密钥已变更。如非本人操作，请立即核查。"),
        ),
        Some("UNKNOWN_WORD") => Message::new(
            format!(
                "A system reported a word that its status map does not know ({name}). It is kept; add it to the map, and it counts."
            ),
            format!("系统上报了状态映射中没有的状态词（{name_zh}）。已保留，补充映射后即生效。"),
        ),
        word => Message::new(word.unwrap_or("").to_owned(), word.unwrap_or("").to_owned()),
    }
}

const NO_SENDER: &str = ": no sender is configured ([channels] in the configuration)";

/// Why a channel without an account sends nothing, as the ledger keeps it.
pub fn no_sender(channel: Channel) -> String {
    format!("{}{NO_SENDER}", channel.word())
}

/// Why a message could not be sent. What a provider says stays in the provider's words.
pub fn failure(kept: &str) -> Message {
    match kept.strip_suffix(NO_SENDER) {
        Some(channel) => Message::new(kept, format!("{channel}：未配置发送方（配置文件的 [channels]）")),
        None => Message::new(kept, kept),
    }
}

/// Why a ticket was not seen, as a sentence.
pub fn unseen(verdict: &Verdict, assignee: Option<&str>) -> Message {
    let who = assignee.unwrap_or("?");
    let last = verdict.evidence.iter().flat_map(|n| &n.deliveries).rev().find_map(|d| d.failure.as_deref());
    match verdict.reason {
        UnseenReason::NobodyAssigned => Message::new(
            "Nobody is assigned: it waits in the queue.".to_owned(),
            "尚未分派：工单在队列中等待。".to_owned(),
        ),
        UnseenReason::NeverSent => match last {
            Some(kept) => {
                let Message { en, zh } = failure(kept);
                Message::new(
                    format!("{who} was never told: every way failed. The last reason: {en}"),
                    format!("{who} 未收到通知：所有渠道均发送失败。最后的原因：{zh}"),
                )
            }
            None => Message::new(
                format!("{who} was never told: no message has been sent yet."),
                format!("{who} 未收到通知：尚未发出任何消息。"),
            ),
        },
        UnseenReason::NotDelivered => Message::new(
            format!("A message to {who} was sent, and has not arrived."),
            format!("已向 {who} 发送消息，但未送达。"),
        ),
        UnseenReason::DeliveryUnknown => Message::new(
            format!("A message to {who} was sent; its channel does not say whether it arrived."),
            format!("已向 {who} 发送消息，该渠道不提供送达回执，是否送达未知。"),
        ),
        UnseenReason::NotOpened => Message::new(
            format!("A message reached {who}, who has not opened it."),
            format!("消息已送达 {who}，但尚未打开。"),
        ),
        UnseenReason::OpenedAndLeft => Message::new(
            format!("{who} has opened the ticket and left it without an answer."),
            format!("{who} 已打开工单，但未作响应。"),
        ),
    }
}
