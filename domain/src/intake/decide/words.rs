//! What short messages mean: asking again, thanks, a new matter, and what an engineer writes to a ticket.

use crate::tickets::decide::token;

/// A longer text says more than that somebody asks again.
const SHORT_CHARS_MAX: usize = 60;

/// Words of asking again, in lower case.
const CHASES: [&str; 46] = [
    "催",
    "还没人",
    "还没有人",
    "没人来",
    "没人管",
    "没人理",
    "没人处理",
    "没有人来",
    "什么时候",
    "啥时候",
    "何时",
    "多久",
    "几点到",
    "怎么还没",
    "还没好",
    "还没到",
    "还没来",
    "到哪了",
    "有人吗",
    "在吗",
    "尽快",
    "快点",
    "进度",
    "进展",
    "怎么样了",
    "处理得如何",
    "有消息吗",
    "有回复吗",
    "any update",
    "any news",
    "any progress",
    "still nobody",
    "still no one",
    "still waiting",
    "no one has come",
    "nobody has come",
    "nobody came",
    "no response",
    "when will",
    "when does",
    "how long",
    "how much longer",
    "anyone there",
    "anybody there",
    "please hurry",
    "as soon as possible",
];

/// What stands beside such words without saying anything about a matter.
const FILLERS: [&str; 52] = [
    "请问",
    "请",
    "麻烦",
    "帮忙",
    "帮",
    "你们",
    "你好",
    "您好",
    "我们",
    "我",
    "这边",
    "师傅",
    "工程师",
    "维修",
    "人员",
    "那个",
    "这个",
    "单子",
    "工单",
    "报修",
    "问题",
    "一下",
    "处理",
    "解决",
    "回复",
    "已经",
    "都",
    "还",
    "没",
    "能",
    "可以",
    "给",
    "个",
    "再",
    "来",
    "到",
    "人",
    "了",
    "呢",
    "吗",
    "啊",
    "吧",
    "的",
    "是",
    "有",
    "在",
    "等",
    "过",
    "今天",
    "现在",
    "急",
    "不",
];
const FILLER_WORDS: [&str; 57] = [
    "hello",
    "hi",
    "hey",
    "please",
    "could",
    "can",
    "you",
    "your",
    "we",
    "us",
    "our",
    "i",
    "me",
    "my",
    "is",
    "are",
    "was",
    "the",
    "a",
    "an",
    "it",
    "this",
    "that",
    "to",
    "on",
    "for",
    "of",
    "in",
    "at",
    "be",
    "do",
    "does",
    "did",
    "will",
    "would",
    "there",
    "here",
    "now",
    "yet",
    "today",
    "and",
    "but",
    "so",
    "somebody",
    "someone",
    "anyone",
    "engineer",
    "technician",
    "come",
    "coming",
    "here",
    "ticket",
    "request",
    "issue",
    "with",
    "about",
    "know",
];
/// Characters, or Latin words, that may be left of a text that only asks again.
const REST_CHARS_MAX: usize = 4;
const REST_WORDS_MAX: usize = 2;

/// Words of thanks that ask for nothing; the whole text consists of them.
const THANKS: [&str; 30] = [
    "谢谢",
    "谢谢你",
    "谢谢您",
    "多谢",
    "感谢",
    "非常感谢",
    "好的",
    "好",
    "好的谢谢",
    "收到",
    "收到谢谢",
    "明白",
    "明白了",
    "知道了",
    "辛苦了",
    "ok",
    "okay",
    "thanks",
    "thank you",
    "many thanks",
    "thanks a lot",
    "thank you very much",
    "got it",
    "great",
    "great thanks",
    "ok thanks",
    "perfect",
    "perfect thanks",
    "works now",
    "it works now",
];

/// How a message begins that is about something new.
const NEW_MATTERS: [&str; 9] =
    ["new:", "new：", "新:", "新：", "新问题", "新工单", "新报修", "new request", "new ticket"];

/// How a report of something new begins; these words belong to it.
const REPORTS: [&str; 4] = ["报修", "我要报修", "故障报修", "报障"];

/// Lower case, without punctuation at the ends and with single spaces.
fn bare(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let punctuation = |c: char| c.is_ascii_punctuation() || "，。！？；：、～…".contains(c);
    words.join(" ").to_lowercase().trim_matches(punctuation).trim().to_owned()
}

/// Whether a text only asks again.
pub fn is_chase(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > SHORT_CHARS_MAX {
        return false;
    }
    let lower = text.to_lowercase();
    // Question marks alone, and nothing else.
    if text.chars().all(|c| matches!(c, '?' | '？' | '!' | '！')) {
        return true;
    }
    CHASES.iter().any(|words| lower.contains(words)) && !has_matter(&lower)
}

/// Whether a text says more than asking words and fillers: it is about a matter then, such as another machine.
fn has_matter(lower: &str) -> bool {
    let mut rest = lower.to_owned();
    for words in CHASES.iter().chain(&FILLERS) {
        rest = rest.replace(words, " ");
    }
    let words = || rest.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let latin = words().filter(|word| word.is_ascii() && !FILLER_WORDS.contains(word));
    // A code, a model or a number.
    let has_code = words().any(|word| word.bytes().any(|byte| byte.is_ascii_digit()));
    let others: usize = words().filter(|word| !word.is_ascii()).map(|word| word.chars().count()).sum();
    has_code || others > REST_CHARS_MAX || latin.count() > REST_WORDS_MAX
}

/// Whether a text only thanks or confirms.
pub fn is_thanks(text: &str) -> bool {
    let text: String = bare(text).chars().filter(|c| !"，。！,.!".contains(*c)).collect();
    THANKS.contains(&text.trim())
}

/// The text behind a sign that it is about something new; `None`: there is no such sign.
pub fn new_matter(text: &str) -> Option<&str> {
    let text = text.trim_start();
    if is_chase(text) {
        return None;
    }
    if REPORTS.iter().any(|words| text.starts_with(words)) {
        return Some(text);
    }
    let sign =
        NEW_MATTERS.iter().find(|sign| text.get(..sign.len()).is_some_and(|start| start.eq_ignore_ascii_case(sign)))?;
    let rest = text[sign.len()..].trim_start_matches([':', '：', ' ', '　', '-', '\n']);
    Some(rest).filter(|rest| !rest.trim().is_empty())
}

/// What an engineer writes by a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffMessage {
    /// The ticket that it names.
    pub ticket: Option<NamedTicket>,
    pub order: StaffOrder,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedTicket {
    Number(i64),
    Token(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaffOrder {
    Accept,
    Wait {
        reason: String,
    },
    /// The root cause is still to be given.
    Resolve,
    Comment {
        text: String,
        internal: bool,
    },
}

const ACCEPTS: [&str; 9] = ["接单", "接受", "接", "认领", "收到", "accept", "accepted", "take", "ack"];
const WAITS: [&str; 6] = ["等待", "挂起", "暂停", "waiting", "wait", "on hold"];
const RESOLVES: [&str; 12] =
    ["已解决", "解决", "解决了", "已完成", "完成", "已修复", "修好了", "搞定", "resolve", "resolved", "done", "fixed"];
const INTERNALS: [&str; 6] = ["内部:", "内部：", "仅内部:", "仅内部：", "internal:", "internal："];

/// Reads what an engineer wrote: `#12 accept`, `等待 配件明天到`, `已解决`, `内部：…`, or a reply.
pub fn staff_message(text: &str) -> StaffMessage {
    let (ticket, rest) = named_ticket(text.trim());
    let order = staff_order(rest);
    StaffMessage { ticket, order }
}

/// A number or token at the beginning, and the rest.
fn named_ticket(text: &str) -> (Option<NamedTicket>, &str) {
    let end = text.find(|c: char| c.is_whitespace() || "：，,".contains(c)).unwrap_or(text.len());
    let (first, rest) = text.split_at(end);
    let word = first.trim_end_matches(':');
    let named = match word.strip_prefix(['#', '＃']) {
        Some(digits) => digits.parse().ok().map(NamedTicket::Number),
        None => token::parse(word).map(NamedTicket::Token),
    };
    match named {
        Some(named) => (Some(named), rest.trim_start_matches(|c: char| c.is_whitespace() || "：:，,".contains(c))),
        None => (None, text),
    }
}

fn staff_order(text: &str) -> StaffOrder {
    let short = bare(text);
    if ACCEPTS.contains(&short.as_str()) {
        return StaffOrder::Accept;
    }
    if RESOLVES.contains(&short.as_str()) {
        return StaffOrder::Resolve;
    }
    let after = |words: &[&str]| {
        words.iter().find_map(|word| {
            let start = text.get(..word.len())?;
            start
                .eq_ignore_ascii_case(word)
                .then(|| text[word.len()..].trim_start_matches(|c: char| c.is_whitespace() || "：:，,".contains(c)))
        })
    };
    if let Some(text) = after(&INTERNALS) {
        return StaffOrder::Comment { text: text.trim().to_owned(), internal: true };
    }
    // A reason follows, separated from the word or, in Chinese, directly.
    let separated = |word: &str| {
        let next = text.get(word.len()..).and_then(|rest| rest.chars().next());
        next.is_some_and(|c| c.is_whitespace() || "：:，,".contains(c) || (!word.is_ascii() && !c.is_ascii()))
    };
    let waits = WAITS.iter().any(|word| text.to_lowercase().starts_with(word) && separated(word));
    match after(&WAITS).filter(|reason| waits && !reason.trim().is_empty()) {
        Some(reason) => StaffOrder::Wait { reason: reason.trim().to_owned() },
        None => StaffOrder::Comment { text: text.trim().to_owned(), internal: false },
    }
}
