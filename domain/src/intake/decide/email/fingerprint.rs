//! What makes two mails the same submission: one mail often arrives by two ways, with a tag in its subject or a footer of a list.

use sha2::{Digest as _, Sha256};

use super::subject::Subject;

/// How a stored fingerprint begins; the digests of other gateways are hexadecimal.
const MARK: &str = "f1";
/// Lines that are compared one by one; what follows is compared as one.
const LINES_MAX: usize = 200;
/// Lines of a footer or a banner.
const FOOTER_LINES_MAX: usize = 15;
const LIST_RULE_CHARS: usize = 10;
/// What footers of lists and companies contain, in lower case.
const FOOTER_TEXTS: [&str; 25] = [
    "unsubscribe",
    "subscribed to",
    "you received this",
    "you are receiving this",
    "this message was sent to",
    "mailing list",
    "mailman/listinfo",
    "google groups",
    "to view this discussion",
    "confidential",
    "disclaimer",
    "intended recipient",
    "scanned by",
    "virus-free",
    "您收到此邮件",
    "您收到本邮件",
    "退订",
    "订阅",
    "邮件列表",
    "邮件组",
    "群组",
    "保密",
    "免责声明",
    "发送至本组",
    "机密",
];
/// What banners of gateways contain, in lower case.
const BANNER_TEXTS: [&str; 11] = [
    "external email",
    "external sender",
    "external mail",
    "originated outside",
    "originated from outside",
    "outside of your organi",
    "outside your organi",
    "外部邮件",
    "来自外部",
    "来自组织外部",
    "谨慎点击",
];

/// Digests of the parts of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    author: String,
    /// `None`: the mail has no date.
    date: Option<String>,
    subject: String,
    /// Without tags in brackets.
    bare_subject: String,
    /// One for each line.
    lines: Vec<String>,
}

/// Hexadecimal digits of a part's digest, and of a line's.
const DIGITS: usize = 16;
const LINE_DIGITS: usize = 8;

fn digest(text: &str, digits: usize) -> String {
    let mut hex = hex::encode(Sha256::digest(text));
    hex.truncate(digits);
    hex
}

impl Fingerprint {
    /// `own_text`: without the quoted message. `is_by_list`: any tag in the subject may be the list's.
    pub(super) fn new(author: &str, date: Option<&str>, subject: &Subject, is_by_list: bool, own_text: &str) -> Self {
        let lines = essential_lines(own_text);
        let (first, rest) = lines.split_at(lines.len().min(LINES_MAX));
        let mut lines: Vec<String> = first.iter().map(|line| digest(line, LINE_DIGITS)).collect();
        if !rest.is_empty() {
            lines.push(digest(&rest.join("\n"), LINE_DIGITS));
        }
        let key = if is_by_list { &subject.bare_key } else { &subject.key };
        Self {
            author: digest(author, DIGITS),
            date: date.map(|date| digest(date, DIGITS)),
            subject: digest(key, DIGITS),
            bare_subject: digest(&subject.bare_key, DIGITS),
            lines,
        }
    }

    pub(super) fn bare_subject(&self) -> &str {
        &self.bare_subject
    }

    /// The digests of all lines.
    pub(super) fn text(&self) -> String {
        self.lines.concat()
    }

    pub fn to_stored(&self) -> String {
        let Self { author, date, subject, bare_subject, lines } = self;
        let date = date.as_deref().unwrap_or_default();
        format!("{MARK}:{author}:{date}:{subject}:{bare_subject}:{}", lines.concat())
    }

    fn from_stored(stored: &str) -> Option<Self> {
        let parts: Vec<&str> = stored.split(':').collect();
        let [MARK, author, date, subject, bare_subject, lines] = parts[..] else { return None };
        let lines = lines.as_bytes().chunks(LINE_DIGITS).map(|line| String::from_utf8_lossy(line).into_owned());
        let date = Some(date).filter(|date| !date.is_empty());
        Some(Self {
            author: author.to_owned(),
            date: date.map(str::to_owned),
            subject: subject.to_owned(),
            bare_subject: bare_subject.to_owned(),
            lines: lines.collect(),
        })
    }

    /// Whether a stored fingerprint is that of the same mail. A mail with another date is another one: devices reuse their message ids. With
    /// the same date, any footer may have been added; without one, only what is recognised as such was left out of both.
    pub fn is_same_as(&self, stored: &str) -> bool {
        let Some(other) = Self::from_stored(stored) else { return false };
        // A tag may have been added to one of them; two tags that differ are of the authors.
        let same_subject =
            self.subject == other.subject || self.bare_subject == other.subject || self.subject == other.bare_subject;
        let contains = |long: &[String], short: &[String]| {
            !short.is_empty() && long.windows(short.len()).any(|window| window == short)
        };
        let is_extended =
            self.date.is_some() && (contains(&self.lines, &other.lines) || contains(&other.lines, &self.lines));
        self.author == other.author
            && self.date == other.date
            && same_subject
            && (self.lines == other.lines || is_extended)
    }
}

/// The lines of a text, without blank ones, white space that programs change, and what lists and gateways add.
fn essential_lines(text: &str) -> Vec<String> {
    let normal = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = text.lines().map(normal).filter(|line| !line.is_empty()).collect();
    let contains = |line: &String, texts: &[&str]| {
        let line = line.to_lowercase();
        texts.iter().any(|text| line.contains(text))
    };
    let is_rule = |line: &String| line.chars().count() >= 2 && line.chars().all(|c| "-_=*—–─~#".contains(c));
    // A banner is the first lines, or stands above the first rule.
    let is_banner = |line: &String| contains(line, &BANNER_TEXTS);
    let above_rule = lines.iter().take(FOOTER_LINES_MAX).position(is_rule);
    let banner_end = match above_rule {
        Some(end) if lines[..end].iter().any(is_banner) => end + 1,
        _ => lines.iter().take_while(|line| is_banner(line)).count(),
    };
    // A text that consists of it is the author's.
    if banner_end < lines.len() {
        lines.drain(..banner_end);
    }
    let is_footer = |line: &String| contains(line, &FOOTER_TEXTS) || is_banner(line);
    // Lists draw a long line of underscores (Mailman).
    let is_list_rule = |line: &String| line.len() >= LIST_RULE_CHARS && line.chars().all(|c| c == '_');
    let mut last_lines = lines.len().saturating_sub(FOOTER_LINES_MAX)..lines.len();
    let from_rule = last_lines
        .clone()
        .find(|at| is_list_rule(&lines[*at]) || (is_rule(&lines[*at]) && lines[at + 1..].iter().any(is_footer)));
    let footer = from_rule.or_else(|| last_lines.find(|at| lines[*at..].iter().all(is_footer)));
    if let Some(footer) = footer.filter(|footer| *footer > 0) {
        lines.truncate(footer);
    }
    lines
}
