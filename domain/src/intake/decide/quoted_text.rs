//! The quoted message in a reply: what people wrote themselves, and what their mail program added below. Only what a mail program writes
//! begins a quote; lines that merely begin with `>` may be the author's own.

/// A line of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    /// The markup says that it is quoted.
    pub(super) is_quote: bool,
    /// It stands in a block that looks like a quoted message.
    pub(super) is_block: bool,
}

impl Line {
    pub(super) fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), is_quote: false, is_block: false }
    }
}

/// The text of a mail in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SplitText {
    pub(super) own: String,
    /// The quoted message, with the line that introduces it.
    pub(super) quoted: Option<String>,
}

/// Lines that one introduction is wrapped to.
const INTRODUCTION_LINES_MAX: usize = 3;
/// Bytes of an introduction.
const INTRODUCTION_BYTES_MAX: usize = 1_000;
/// Lines in which the fields of a quoted header stand.
const HEADER_LINES: usize = 10;
/// What stands between rules above a quoted message, in lower case.
const DIVIDERS: [&str; 24] = [
    "original message",
    "original mail",
    "original email",
    "original",
    "replied message",
    "原始邮件",
    "原始郵件",
    "原邮件",
    "原郵件",
    "原始信件",
    "原始消息",
    "原始信息",
    "邮件原件",
    "邮件原文",
    "回复的原邮件",
    "回复的邮件",
    "ursprüngliche nachricht",
    "originalnachricht",
    "message d'origine",
    "mensaje original",
    "mensagem original",
    "messaggio originale",
    "oorspronkelijk bericht",
    "元のメッセージ",
];
const RULES: [char; 8] = ['-', '—', '–', '_', '=', '─', '*', '━'];
/// How an introduction ends, in lower case and without its colon.
const INTRODUCTION_ENDS: [&str; 15] = [
    "wrote",
    "writes",
    "写道",
    "寫道",
    "写到",
    "的来信",
    "a écrit",
    "schrieb",
    "escribió",
    "ha scritto",
    "escreveu",
    "schreef",
    "napisał",
    "napisał(a)",
    "さんは書きました",
];
/// How an introduction of several lines begins, in lower case.
const INTRODUCTION_BEGINS: [&str; 12] =
    ["on ", "le ", "am ", "el ", "il ", "em ", "op ", "在 ", "在", "于 ", "于", "於"];

/// A field of a quoted header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    From,
    Sent,
    To,
    Subject,
}

const FIELD_NAMES: [(Field, &[&str]); 4] = [
    (Field::From, &["from", "发件人", "寄件者", "寄件人", "發件人", "发信人", "von", "de", "da", "差出人"]),
    (
        Field::Sent,
        &[
            "sent",
            "date",
            "发送时间",
            "发送日期",
            "日期",
            "时间",
            "傳送時間",
            "寄件日期",
            "發送時間",
            "gesendet",
            "datum",
            "envoyé",
            "enviado",
            "inviato",
            "送信日時",
        ],
    ),
    (Field::To, &["to", "收件人", "收件者", "an", "à", "para", "a", "宛先"]),
    (
        Field::Subject,
        &["subject", "主题", "主旨", "主題", "标题", "betreff", "objet", "asunto", "oggetto", "assunto", "件名"],
    ),
];

/// The lines of a plain text.
pub(super) fn plain_lines(text: &str) -> Vec<Line> {
    text.lines().map(Line::plain).collect()
}

/// The text of lines.
pub(super) fn text_of(lines: &[Line]) -> String {
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    texts.join("\n").trim().to_owned()
}

/// Splits a mail into what its author wrote and the quoted message below. Only a reply has one. Answers between quoted lines are
/// understood with these only, so that text stays whole.
pub(super) fn split_quoted(lines: &[Line], is_reply: bool) -> SplitText {
    let text = Text {
        lines,
        last_own: lines.iter().rposition(|line| !is_blank(line) && !is_marked(line)),
        last_marked: lines.iter().rposition(is_marked),
    };
    let begin = if is_reply { (0..lines.len()).find_map(|at| text.quote_at(at)) } else { None };
    let parts = begin.map(|begin| (text_of(&lines[..begin]), text_of(&lines[begin..])));
    match parts.filter(|(own, _)| !own.is_empty()) {
        Some((own, quoted)) => SplitText { own, quoted: Some(quoted) },
        None => SplitText { own: text_of(lines), quoted: None },
    }
}

fn is_blank(line: &Line) -> bool {
    line.text.trim().is_empty()
}

fn is_marked(line: &Line) -> bool {
    line.is_quote || line.text.trim_start().starts_with('>')
}

/// The lines of a mail, and the last one that is not marked as quoted, and that is.
struct Text<'m> {
    lines: &'m [Line],
    last_own: Option<usize>,
    last_marked: Option<usize>,
}

impl Text<'_> {
    /// Whether nothing but quoted lines follows from here on.
    fn only_quoted(&self, from: usize) -> bool {
        self.last_marked.is_some_and(|last| last >= from) && self.last_own.is_none_or(|last| last < from)
    }

    /// Where the quote begins that this line introduces.
    fn quote_at(&self, at: usize) -> Option<usize> {
        let line = &self.lines[at];
        if is_blank(line) {
            return None;
        }
        if line.is_quote {
            return self.only_quoted(at).then_some(at);
        }
        if is_marked(line) {
            let begins = at == 0 || !is_marked(&self.lines[at - 1]);
            let is_quote = begins && self.only_quoted(at) && (self.is_block(at) || self.contains_introduction(at));
            return is_quote.then_some(at);
        }
        if is_divider(&line.text) {
            return Some(at);
        }
        if is_header(&self.lines[at..]) {
            // A rule above it belongs to it.
            let above = self.lines[..at].iter().rposition(|line| !is_blank(line));
            return Some(above.filter(|above| is_rule(&self.lines[*above].text)).unwrap_or(at));
        }
        self.is_introduction(at).then_some(at)
    }

    /// Whether a block of the markup is a quoted message: not one that the author introduces, as in `The codes are:`.
    fn is_block(&self, at: usize) -> bool {
        let mut above = self.lines[..at].iter().rev().filter(|line| !is_blank(line));
        self.lines[at].is_block && above.next().is_some_and(|line| !line.text.trim_end().ends_with([':', '：']))
    }

    /// Whether quoted lines begin with what introduces them, as Apple's programs and Foxmail write it.
    fn contains_introduction(&self, at: usize) -> bool {
        let lines = self.lines[at..].iter().take(HEADER_LINES);
        let bare: Vec<Line> = lines.map(|line| Line::plain(line.text.trim_start_matches(['>', ' ']))).collect();
        is_divider(&bare[0].text)
            || is_header(&bare)
            || (1..=INTRODUCTION_LINES_MAX.min(bare.len()))
                .any(|count| introduction_of(&text_of(&bare[..count]), count).is_some())
    }

    /// Whether a quoted message is introduced here, such as `On Monday, A wrote:` above lines that begin with `>`. Without such marks the
    /// introduction must name a time and an address, so that no sentence of the author is taken for one.
    fn is_introduction(&self, at: usize) -> bool {
        let lines = &self.lines[at..];
        (1..=INTRODUCTION_LINES_MAX.min(lines.len())).any(|count| {
            let (introduction, behind) = lines.split_at(count);
            if introduction.iter().any(|line| is_blank(line) || is_marked(line)) {
                return false;
            }
            let Some(introduces) = introduction_of(&text_of(introduction), count) else { return false };
            match behind.iter().find(|line| !is_blank(line)) {
                Some(next) if is_marked(next) => self.only_quoted(at + count),
                Some(_) => introduces == Introduction::Surely,
                None => false,
            }
        })
    }
}

/// How sure it is that a text introduces a quoted message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Introduction {
    /// If quoted lines follow.
    Maybe,
    /// It names a time and an address.
    Surely,
}

/// Whether a text of so many lines introduces a quoted message.
fn introduction_of(text: &str, lines: usize) -> Option<Introduction> {
    if text.len() > INTRODUCTION_BYTES_MAX {
        return None;
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let names_time_and_address = text.contains('@') && has_time(&text);
    let begins = INTRODUCTION_BEGINS.iter().any(|begin| text.starts_with(begin))
        || text.starts_with(|c: char| c.is_ascii_digit());
    let has_colon = text.ends_with([':', '：']);
    let bare = text.trim_end_matches([':', '：', ' ']);
    let ends = INTRODUCTION_ENDS.iter().any(|end| bare.ends_with(end));
    // In German and Dutch the name follows the verb.
    let has_verb = begins && [" schrieb ", " schreef "].iter().any(|verb| text.contains(verb));
    let is_usual = (ends || has_verb) && (has_colon || (begins && has_time(&text)));
    // Other languages: what is written to an address at a time.
    let is_any_language = has_colon && names_time_and_address && text.contains('<');
    // Of several lines, the first could be the author's.
    let is_one = lines == 1 || (begins && names_time_and_address);
    let level = if names_time_and_address { Introduction::Surely } else { Introduction::Maybe };
    (is_one && (is_usual || is_any_language)).then_some(level)
}

/// Whether a text consists of one of the characters of a rule, three at least.
fn is_rule(text: &str) -> bool {
    let text = text.trim();
    text.chars().count() >= 3 && text.chars().all(|c| RULES.contains(&c))
}

/// A line such as `-----Original Message-----`. A short dash may also begin an item of the author's list.
fn is_divider(line: &str) -> bool {
    const RULE_CHARS: usize = 5;
    let line = line.trim();
    let rest = line.trim_start_matches(RULES);
    let marks = line.chars().count() - rest.chars().count();
    let rest = rest.trim_start().to_lowercase();
    let mut behind = DIVIDERS.iter().filter_map(|words| rest.strip_prefix(words)).map(str::trim_start);
    marks >= 2 && behind.any(|behind| behind.starts_with(RULES) || (behind.is_empty() && marks >= RULE_CHARS))
}

/// The fields that a line names. Programs write each into a line of its own, some all into one.
fn fields_of(line: &str) -> Vec<Field> {
    let line = line.trim().trim_start_matches(['*', '|']).to_lowercase();
    let has_colon = |rest: &str| rest.trim_start_matches(['*', ' ', '\u{a0}', '\u{3000}']).starts_with([':', '：']);
    // Some put a wide space between the characters of a name.
    let (first, _) = line.split_once([':', '：']).unwrap_or_default();
    let first: String = first.chars().filter(|c| !c.is_whitespace() && *c != '*').collect();
    let begins = |name: &str| first == name;
    let contains =
        |name: &str| line.match_indices(&format!(" {name}")).any(|(at, found)| has_colon(&line[at + found.len()..]));
    let named = |is: &dyn Fn(&str) -> bool| -> Vec<Field> {
        FIELD_NAMES.iter().filter(|(_, names)| names.iter().any(|name| is(name))).map(|(of, _)| *of).collect()
    };
    let mut found = named(&begins);
    if found.contains(&Field::From) {
        found.extend(named(&contains));
    }
    found
}

/// Whether the header of a quoted message begins here: author and subject, and when it was sent or to whom.
fn is_header(lines: &[Line]) -> bool {
    let Some(first) = lines.first() else { return false };
    if fields_of(&first.text).first() != Some(&Field::From) {
        return false;
    }
    let named: Vec<Field> = lines.iter().take(HEADER_LINES).flat_map(|line| fields_of(&line.text)).collect();
    named.contains(&Field::Subject) && (named.contains(&Field::Sent) || named.contains(&Field::To))
}

/// Whether a text contains a year or a time of day.
fn has_time(text: &str) -> bool {
    let numbers = text.split(|c: char| !c.is_ascii_digit());
    let has_year =
        numbers.clone().any(|number| number.len() == 4 && (number.starts_with("19") || number.starts_with("20")));
    let has_hour = text.match_indices(':').any(|(at, _)| {
        let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        digit(text[..at].chars().next_back()) && digit(text[at + 1..].chars().next())
    });
    has_year || has_hour
}
