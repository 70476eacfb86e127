//! Subjects: what mail programs, gateways and lists put in front of the author's words.

/// Characters within brackets that can be a tag.
const TAG_CHARS_MAX: usize = 40;
/// Prefixes of a reply, in lower case.
const REPLY_PREFIXES: [&str; 14] =
    ["re", "aw", "antw", "antwort", "sv", "odp", "ynt", "回复", "回覆", "答复", "答覆", "回信", "返信", "회신"];
/// Prefixes of a forwarded mail, in lower case.
const FORWARD_PREFIXES: [&str; 12] =
    ["fw", "fwd", "wg", "tr", "rv", "转发", "轉發", "转寄", "轉寄", "转送", "転送", "전달"];
const BRACKETS: [(char, char); 8] =
    [('[', ']'), ('【', '】'), ('［', '］'), ('〔', '〕'), ('(', ')'), ('（', '）'), ('{', '}'), ('<', '>')];
/// Lists put their names between these.
const LIST_BRACKETS: usize = 4;
/// Words of a gateway's warning: a tag consists of them only, and contains one of the first kind.
const WARNING_WORDS: [&str; 17] = [
    "external",
    "ext",
    "extern",
    "externe",
    "externo",
    "extérieur",
    "outside",
    "suspicious",
    "suspected",
    "suspect",
    "spam",
    "phishing",
    "phish",
    "junk",
    "unverified",
    "untrusted",
    "spoofed",
];
const FILLER_WORDS: [&str; 14] = [
    "e", "email", "mail", "mails", "sender", "message", "caution", "warning", "possible", "likely", "source", "origin",
    "from", "alert",
];
/// The same in Chinese: these alone …
const WARNING_STEMS: [&str; 13] = [
    "外部",
    "外来",
    "外网",
    "外域",
    "境外",
    "可疑",
    "疑似垃圾",
    "疑似钓鱼",
    "来自外部",
    "注意外部",
    "外部可疑",
    "非本公司",
    "外來",
];
/// … or these and those above before one of the endings.
const WARNING_STEMS_OF_MAIL: [&str; 6] = ["垃圾", "钓鱼", "釣魚", "高危", "风险", "未验证"];
const STEM_ENDINGS: [&str; 9] = ["邮件", "郵件", "发件人", "发信人", "来信", "邮箱", "来源", "信件", "寄件者"];

/// A subject in its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::intake) struct Subject {
    /// As the author wrote it, with prefixes of replies and tags of lists, without the warnings of gateways.
    pub title: String,
    /// Without prefixes too, in lower case: the same for a mail that arrived by two ways.
    pub key: String,
    /// Without tags of lists too.
    pub bare_key: String,
    pub is_reply: bool,
    pub is_forward: bool,
}

/// One item in front of the author's words.
enum Prefix {
    Reply,
    Forward,
    /// A gateway's warning.
    Warning,
    /// Any other text in brackets: the name of a list, or the author's.
    Tag,
}

/// Parses a subject that has no control characters.
pub(in crate::intake) fn parse_subject(subject: &str) -> Subject {
    let (mut title, mut keyed) = (String::new(), String::new());
    let (mut is_reply, mut is_forward) = (false, false);
    let mut rest = subject.trim();
    while let Some((prefix, after)) = next_prefix(rest) {
        let text = &rest[..rest.len() - after.len()];
        let is_first = !is_reply && !is_forward;
        match prefix {
            Prefix::Reply => is_reply |= is_first,
            Prefix::Forward => is_forward |= is_first,
            Prefix::Warning => {}
            Prefix::Tag => keyed.push_str(text),
        }
        if !matches!(prefix, Prefix::Warning) {
            title.push_str(text);
        }
        rest = after;
    }
    // Some gateways append their warning.
    while let Some(before) = without_last_warning(rest) {
        rest = before;
    }
    let normal = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    Subject {
        title: format!("{title}{rest}").trim().to_owned(),
        key: normal(&format!("{keyed} {rest}")),
        bare_key: normal(rest),
        is_reply,
        is_forward,
    }
}

/// The prefix that a subject begins with, and what follows it.
fn next_prefix(subject: &str) -> Option<(Prefix, &str)> {
    let subject_start = subject.trim_start();
    if let Some((content, after, bracket)) = bracketed(subject_start) {
        let prefix = match (is_warning(content), bracket < LIST_BRACKETS) {
            (true, _) => Prefix::Warning,
            (false, true) => Prefix::Tag,
            (false, false) => return None,
        };
        return Some((prefix, after.trim_start()));
    }
    let (word, after) = subject_start.split_once([':', '：'])?;
    // Unbracketed warnings are in capitals; "External: …" may be the author's.
    if ["EXTERNAL", "EXT", "SPAM", "EXTERNAL EMAIL", "EXTERNAL MAIL"].contains(&word.trim()) {
        return Some((Prefix::Warning, after.trim_start()));
    }
    let word = word.trim().to_lowercase();
    // Re[2]:, Re(3): and Re^2: count the replies.
    let bare = word.trim_end_matches(|c: char| c.is_ascii_digit() || "[]()^* ".contains(c));
    let prefix = if REPLY_PREFIXES.contains(&bare) {
        Prefix::Reply
    } else if FORWARD_PREFIXES.contains(&bare) {
        Prefix::Forward
    } else {
        return None;
    };
    Some((prefix, after.trim_start()))
}

/// The text in brackets, or between asterisks, that a text begins with; what follows, and the number of the brackets.
fn bracketed(text: &str) -> Option<(&str, &str, usize)> {
    let stars = text.len() - text.trim_start_matches('*').len();
    if stars > 0 {
        let (content, after) = text[stars..].split_once('*')?;
        let is_short = content.chars().count() <= TAG_CHARS_MAX;
        return is_short.then(|| (content, after.trim_start_matches('*'), BRACKETS.len()));
    }
    let (bracket, (open, close)) = BRACKETS.iter().enumerate().find(|(_, (open, _))| text.starts_with(*open))?;
    let (content, after) = text[open.len_utf8()..].split_once(*close)?;
    (content.chars().count() <= TAG_CHARS_MAX).then_some((content, after, bracket))
}

fn without_last_warning(text: &str) -> Option<&str> {
    let text = text.trim_end();
    let close = text.chars().next_back()?;
    let (open, _) = BRACKETS.iter().find(|(_, last)| *last == close)?;
    let at = text.rfind(*open)?;
    let content = &text[at + open.len_utf8()..text.len() - close.len_utf8()];
    // A subject that is nothing but a warning keeps it.
    let before = text[..at].trim_end();
    (is_warning(content) && !before.is_empty()).then_some(before)
}

/// Whether the text of a tag is a gateway's warning, not the author's word.
fn is_warning(tag: &str) -> bool {
    let words: Vec<String> =
        tag.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect();
    let known = |of: &[&str], word: &String| of.contains(&word.as_str());
    let in_english = words.iter().any(|word| known(&WARNING_WORDS, word))
        && words.iter().all(|word| known(&WARNING_WORDS, word) || known(&FILLER_WORDS, word));
    let joined = words.concat();
    let in_chinese = WARNING_STEMS.contains(&joined.as_str())
        || STEM_ENDINGS
            .iter()
            .filter_map(|ending| joined.strip_suffix(ending))
            .any(|stem| WARNING_STEMS.contains(&stem) || WARNING_STEMS_OF_MAIL.contains(&stem));
    in_english || in_chinese
}
