//! Octets of mails as text: declared encodings, those that are declared wrongly or not at all, and encoded words (RFC 2047,
//! <https://www.rfc-editor.org/rfc/rfc2047>).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use encoding_rs::{BIG5, EUC_KR, Encoding, GB18030, ISO_2022_JP, SHIFT_JIS, UTF_8, WINDOWS_1252};

use crate::kernel::encoding::Utf8Count;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Pairs of octets in the most common part of an encoding, of all: from here on a text is in that encoding.
const COMMON_MIN: f64 = 0.5;

/// What a charset name says.
enum Declared {
    Known(&'static Encoding),
    /// GB 2312 in seven bits (RFC 1843).
    Hz,
    /// It says nothing (`ansi`), or is not supported (`utf-7`).
    Nothing,
}

fn declared(name: &str) -> Declared {
    let name = name.trim_matches(|c: char| c.is_whitespace() || "\"'".contains(c)).to_lowercase();
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let is_any = |of: &[&str]| of.contains(&plain.as_str());
    if is_any(&["hzgb2312", "hz"]) {
        Declared::Hz
    } else if plain.starts_with("gb") || is_any(&["cp936", "ms936", "windows936", "936", "xgbk", "euccn", "chinese"]) {
        Declared::Known(GB18030)
    } else if plain.starts_with("big5") || is_any(&["cp950", "ms950", "windows950", "xxbig5", "cnbig5"]) {
        Declared::Known(BIG5)
    } else if plain.starts_with("utf8") {
        Declared::Known(UTF_8)
    } else if is_any(&["cp932", "ms932", "windows31j"]) {
        Declared::Known(SHIFT_JIS)
    } else if is_any(&["cp949", "ms949", "uhc"]) {
        Declared::Known(EUC_KR)
    } else if plain.starts_with("usascii")
        || is_any(&["ascii", "ansi", "ansix341968", "7bit", "8bit", "default", "unknown"])
    {
        // Octets beyond ASCII contradict it.
        Declared::Nothing
    } else {
        let standard = [name.clone(), name.replace('_', "-")].into_iter();
        let mut known = standard.filter_map(|name| Encoding::for_label_no_replacement(name.as_bytes()));
        known.next().map_or(Declared::Nothing, Declared::Known)
    }
}

/// Decodes octets. `charset`: as declared, which is often wrong.
pub(super) fn decode(bytes: &[u8], charset: Option<&str>) -> String {
    match charset.map_or(Declared::Nothing, declared) {
        Declared::Hz => decode_hz(bytes),
        Declared::Nothing => decode_undeclared(bytes),
        Declared::Known(encoding) => decode_declared(bytes, encoding),
    }
}

fn decode_declared(bytes: &[u8], encoding: &'static Encoding) -> String {
    let mut count = Utf8Count::default();
    count.add(bytes);
    count.finish();
    let is_utf8 = count.is_surely_utf8() || (encoding == WINDOWS_1252 && std::str::from_utf8(bytes).is_ok());
    if encoding == UTF_8 {
        return if count.not_utf8_in_line().is_some() { decode_undeclared(bytes) } else { lossy(bytes, UTF_8) };
    }
    // UTF-16 looks like nothing else; of all others, valid UTF-8 is UTF-8.
    let is_wide = encoding.name().starts_with("UTF-16");
    if is_utf8 && !is_wide && encoding != ISO_2022_JP {
        return lossy(bytes, UTF_8);
    }
    // Programs of Chinese offices declare ISO 8859-1 for GBK.
    if encoding == WINDOWS_1252 && is_all_in_pairs(bytes) {
        return lossy(bytes, GB18030);
    }
    let (text, had_errors) = encoding.decode_with_bom_removal(bytes);
    if !had_errors {
        return text.into_owned();
    }
    let other = decode_undeclared(bytes);
    if other.contains(char::REPLACEMENT_CHARACTER) { text.into_owned() } else { other }
}

fn lossy(bytes: &[u8], encoding: &'static Encoding) -> String {
    encoding.decode_with_bom_removal(bytes).0.into_owned()
}

/// Whether there are octets beyond ASCII, two at least, and all stand in pairs, as Chinese characters do and accented letters do not.
fn is_all_in_pairs(bytes: &[u8]) -> bool {
    let runs = bytes.split(u8::is_ascii).filter(|run| !run.is_empty());
    let (pairs, all) = runs.fold((0, true), |(pairs, all), run| {
        (pairs + run.len() / 2, all && run.len() % 2 == 0 && run.iter().all(|byte| *byte >= 0xa1))
    });
    all && pairs >= 2
}

/// Decodes octets of which nobody said what they are: ASCII, UTF-8, GBK, Big5 or Latin.
fn decode_undeclared(bytes: &[u8]) -> String {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return lossy(bytes, encoding);
    }
    if bytes.is_ascii() {
        let encoding = if bytes.windows(2).any(|pair| pair == b"\x1b$") { ISO_2022_JP } else { UTF_8 };
        return lossy(bytes, encoding);
    }
    let mut count = Utf8Count::default();
    count.add(bytes);
    count.finish();
    if count.not_utf8_in_line().is_none() {
        return lossy(bytes, UTF_8);
    }
    let (gbk, big5) = (common_share(bytes, is_common_gbk), common_share(bytes, is_common_big5));
    let encoding = match gbk >= big5 {
        true if gbk >= COMMON_MIN => GB18030,
        false if big5 >= COMMON_MIN => BIG5,
        // Single octets between ASCII are accented letters.
        _ if is_mostly_isolated(bytes) => WINDOWS_1252,
        _ => GB18030,
    };
    lossy(bytes, encoding)
}

/// The first level of GB 2312, and its punctuation.
const fn is_common_gbk(lead: u8, trail: u8) -> bool {
    trail >= 0xa1 && matches!(lead, 0xa1..=0xa3 | 0xb0..=0xd7)
}

/// The first level of Big5, and its punctuation.
const fn is_common_big5(lead: u8, trail: u8) -> bool {
    matches!(trail, 0x40..=0x7e | 0xa1..=0xfe) && matches!(lead, 0xa1..=0xc6)
}

/// The share of pairs of octets that are common in an encoding; an octet without a partner counts against it.
fn common_share(bytes: &[u8], is_common: fn(u8, u8) -> bool) -> f64 {
    let (mut common, mut all, mut at) = (0_u32, 0_u32, 0);
    while let Some(lead) = bytes.get(at) {
        at += 1;
        if lead.is_ascii() {
            continue;
        }
        all += 1;
        match bytes.get(at) {
            Some(trail) if *trail >= 0x40 => {
                common += u32::from(is_common(*lead, *trail));
                at += 1;
            }
            _ => all += 1,
        }
    }
    f64::from(common) / f64::from(all.max(1))
}

fn is_mostly_isolated(bytes: &[u8]) -> bool {
    let runs: Vec<usize> = bytes.split(u8::is_ascii).map(<[u8]>::len).filter(|length| *length > 0).collect();
    let isolated = runs.iter().filter(|length| **length == 1).count();
    isolated * 2 > runs.len()
}

/// HZ (RFC 1843): `~{` and `~}` enclose GB 2312 without its high bits, `~~` is a tilde, a tilde at the end of a line joins lines.
fn decode_hz(bytes: &[u8]) -> String {
    let (mut octets, mut is_chinese, mut at) = (Vec::with_capacity(bytes.len()), false, 0);
    while let Some(byte) = bytes.get(at) {
        at += match (is_chinese, *byte, bytes.get(at + 1).copied()) {
            (false, b'~', Some(b'{')) => {
                is_chinese = true;
                2
            }
            (_, b'~', Some(b'}')) => {
                is_chinese = false;
                2
            }
            (false, b'~', Some(b'~')) => {
                octets.push(b'~');
                2
            }
            (false, b'~', Some(b'\n')) => 2,
            (false, b'~', Some(b'\r')) if bytes.get(at + 2) == Some(&b'\n') => 3,
            (true, 0x21..=0x7e, Some(trail @ 0x21..=0x7e)) => {
                octets.extend([byte | 0x80, trail | 0x80]);
                2
            }
            (_, byte, _) => {
                // Chinese does not go beyond a line.
                is_chinese &= byte != b'\n';
                octets.push(byte);
                1
            }
        };
    }
    lossy(&octets, GB18030)
}

/// A piece of a header field.
enum Piece<'h> {
    Literal(Vec<u8>),
    Words(EncodedWords<'h>),
}

/// Adjacent encoded words of the same charset and encoding. Many programs cut a character between two words, so the octets of all are
/// joined before they are decoded.
struct EncodedWords<'h> {
    charset: &'h str,
    is_base64: bool,
    texts: Vec<&'h [u8]>,
}

impl EncodedWords<'_> {
    fn decode(&self) -> String {
        let octets: Vec<u8> = match self.is_base64 {
            false => self.texts.iter().flat_map(|text| decode_q(text)).collect(),
            true => {
                // Of a word that is no whole number of groups, the base64 text was cut, not the octets.
                let is_cut = self.texts.iter().rev().skip(1).any(|text| text.trim_ascii().len() % 4 != 0);
                let each = || self.texts.iter().map(|text| decode_b(text)).collect::<Option<Vec<Vec<u8>>>>();
                let octets = if is_cut { None } else { each().map(|all| all.concat()) };
                octets.or_else(|| decode_b(&self.texts.concat())).unwrap_or_else(|| self.texts.concat())
            }
        };
        decode(&octets, Some(self.charset))
    }
}

/// `None`: it is no base64, or was cut within a group.
fn decode_b(text: &[u8]) -> Option<Vec<u8>> {
    let bare: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').collect();
    (bare.len() % 4 != 1).then(|| LENIENT.decode(&bare).ok()).flatten()
}

/// The octet of two hexadecimal digits.
fn hex_octet(digits: Option<&[u8]>) -> Option<u8> {
    let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn decode_q(text: &[u8]) -> Vec<u8> {
    let (mut octets, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.get(at) {
        let octet = hex_octet(text.get(at + 1..at + 3)).filter(|_| *byte == b'=');
        octets.push(octet.unwrap_or(if *byte == b'_' { b' ' } else { *byte }));
        at += if octet.is_some() { 3 } else { 1 };
    }
    octets
}

/// The encoded word at the beginning: charset, whether it is base64, text, and its length.
fn encoded_word(header: &[u8]) -> Option<(&str, bool, &[u8], usize)> {
    let rest = header.strip_prefix(b"=?")?;
    let end = rest.iter().position(|byte| *byte == b'?')?;
    let charset = std::str::from_utf8(&rest[..end]).ok()?;
    // A language may follow the charset (RFC 2231, 5).
    let charset = charset.split('*').next()?;
    let is_name = !charset.is_empty() && charset.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:+".contains(c));
    let (kind, text) = (rest.get(end + 1)?.to_ascii_lowercase(), rest.get(end + 3..)?);
    if !is_name || !matches!(kind, b'b' | b'q') || rest.get(end + 2) != Some(&b'?') {
        return None;
    }
    let length = text.windows(2).position(|two| two == b"?=")?;
    Some((charset, kind == b'b', &text[..length], 2 + end + 3 + length + 2))
}

/// The pieces of an unfolded header field; white space between encoded words is none (RFC 2047, 6.2).
fn pieces(header: &[u8]) -> Vec<Piece<'_>> {
    let mut all: Vec<Piece<'_>> = Vec::new();
    let (mut literal_from, mut at) = (0, 0);
    let push_literal = |all: &mut Vec<Piece<'_>>, literal: &[u8]| {
        let unfolded: Vec<u8> = literal.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
        if !unfolded.is_empty() {
            all.push(Piece::Literal(unfolded));
        }
    };
    while at < header.len() {
        let Some((charset, is_base64, text, length)) = encoded_word(&header[at..]) else {
            at += 1;
            continue;
        };
        let between = &header[literal_from..at];
        match all.last_mut() {
            Some(Piece::Words(words)) if between.iter().all(u8::is_ascii_whitespace) => {
                if words.charset.eq_ignore_ascii_case(charset) && words.is_base64 == is_base64 {
                    words.texts.push(text);
                } else {
                    all.push(Piece::Words(EncodedWords { charset, is_base64, texts: vec![text] }));
                }
            }
            _ => {
                push_literal(&mut all, between);
                all.push(Piece::Words(EncodedWords { charset, is_base64, texts: vec![text] }));
            }
        }
        at += length;
        literal_from = at;
    }
    push_literal(&mut all, &header[literal_from..]);
    all
}

/// The text of an unstructured header field, such as a subject.
pub(super) fn decode_header(header: &[u8]) -> String {
    let texts = pieces(header).into_iter().map(|piece| match piece {
        Piece::Literal(octets) => decode(&octets, None),
        Piece::Words(words) => words.decode(),
    });
    texts.collect::<String>().trim().to_owned()
}

/// A structured header field with each run of encoded words as one word in UTF-8, for the parser.
pub(super) fn rewrite_header(header: &[u8]) -> String {
    let mut rewritten = String::new();
    let mut is_after_word = false;
    for piece in pieces(header) {
        let (text, is_word) = match piece {
            Piece::Literal(octets) => (decode(&octets, None), false),
            // The parser must not take a character of the text for one of the field.
            Piece::Words(words) => (format!("=?utf-8?B?{}?=", STANDARD.encode(words.decode())), true),
        };
        let is_separate =
            rewritten.is_empty() || rewritten.ends_with([' ', '\t', '"']) || text.starts_with([' ', '\t', '"']);
        if (is_word || is_after_word) && !is_separate {
            rewritten.push(' ');
        }
        rewritten.push_str(&text);
        is_after_word = is_word;
    }
    rewritten.trim().to_owned() + "\r\n"
}

/// The parameter of a header field: of several parts, percent-encoded with a charset (RFC 2231), or with encoded words, as programs
/// write them in spite of RFC 2047.
pub(super) fn header_parameter(header: &[u8], name: &str) -> Option<String> {
    let (mut parts, mut plain) = (Vec::<(u32, bool, Vec<u8>)>::new(), None::<Vec<u8>>);
    for (key, value) in parameters(header) {
        let Some(suffix) = key.strip_prefix(name) else { continue };
        if suffix.is_empty() {
            plain.get_or_insert(value);
        } else if let Some(suffix) = suffix.strip_prefix('*') {
            let (number, is_encoded) = match suffix.strip_suffix('*') {
                Some(number) => (number, true),
                None => (suffix, suffix.is_empty()),
            };
            let number = if number.is_empty() { Some(0) } else { number.parse().ok() };
            parts.extend(number.map(|number| (number, is_encoded, value)));
        }
    }
    parts.sort_by_key(|(number, ..)| *number);
    let mut charset = None;
    let mut octets = Vec::new();
    for (number, is_encoded, value) in &parts {
        let mut value = value.as_slice();
        if *number == 0 && *is_encoded {
            let mut quotes = value.splitn(3, |byte| *byte == b'\'');
            if let (Some(of), Some(_), Some(rest)) = (quotes.next(), quotes.next(), quotes.next()) {
                charset = Some(String::from_utf8_lossy(of).into_owned());
                value = rest;
            }
        }
        octets.extend(if *is_encoded { percent_decode(value) } else { value.to_vec() });
    }
    let found = match (octets.is_empty(), plain) {
        (false, _) => decode(&octets, charset.as_deref()),
        (true, plain) => decode_header(&plain?),
    };
    Some(found.trim().to_owned()).filter(|found| !found.is_empty())
}

fn percent_decode(value: &[u8]) -> Vec<u8> {
    let (mut octets, mut at) = (Vec::with_capacity(value.len()), 0);
    while let Some(byte) = value.get(at) {
        let octet = hex_octet(value.get(at + 1..at + 3)).filter(|_| *byte == b'%');
        octets.push(octet.unwrap_or(*byte));
        at += if octet.is_some() { 3 } else { 1 };
    }
    octets
}

/// The parameters of a structured header field; names in lower case, values without quotes.
fn parameters(header: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut fields = vec![Vec::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for byte in header.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')) {
        let field = fields.last_mut().expect("there is always one");
        match byte {
            _ if is_escaped => {
                is_escaped = false;
                field.push(byte);
            }
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b';' if !is_quoted => fields.push(Vec::new()),
            _ => field.push(byte),
        }
    }
    let pairs = fields.iter().skip(1).filter_map(|field| {
        let at = field.iter().position(|byte| *byte == b'=')?;
        let name = String::from_utf8_lossy(&field[..at]).trim().to_lowercase();
        Some((name, field[at + 1..].trim_ascii().to_vec()))
    });
    pairs.collect()
}
