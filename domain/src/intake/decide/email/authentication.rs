//! The results of the organisation's own mail server (Authentication-Results, RFC 8601,
//! <https://www.rfc-editor.org/rfc/rfc8601>).
//!
//! Which fields are believed: a field counts if it names our server (authserv-id). That server removes such fields from what others
//! send (section 5); without that, nobody could tell its fields from forged ones. It may write several, one for each of its
//! filters (section 2.2: opendkim, opendmarc and policyd-spf write one each), so they are read together: all from the topmost of them down to
//! the next Received, below which stands what came with the mail. A filter that runs before the mail is queued stands above the Received of its own
//! server and the others below it, so one Received "by" our server is passed if nothing above it says a word on DKIM or DMARC. Received fields above
//! the topmost field are those of our servers behind it.

use mail_parser::{HeaderName, Message as Mail};

/// A method, its result, and the properties that it checked.
type MethodResult = (String, String, Vec<(String, String)>);

/// A field that does not match the grammar: it may contain text that the sender chose.
#[derive(Debug, PartialEq)]
pub(super) struct Unreadable;

/// Whether our server authenticated the author's domain. A field of ours that cannot be read says nothing good about anybody.
pub(super) fn is_authenticated(mail: &Mail<'_>, server: &str, domain: &str) -> bool {
    match own_results(mail, server) {
        Ok(results) => !results.is_empty() && passes(&results, domain),
        Err(Unreadable) => false,
    }
}

/// The results of all fields of our server that are believed.
fn own_results(mail: &Mail<'_>, server: &str) -> Result<Vec<MethodResult>, Unreadable> {
    let (mut results, mut has_begun, mut has_passed) = (Vec::new(), false, false);
    for field in mail.headers() {
        let range = field.offset_start() as usize..field.offset_end() as usize;
        let value = String::from_utf8_lossy(mail.raw_message.get(range).unwrap_or_default());
        match field.name {
            HeaderName::AuthenticationResults => {
                if let Some(found) = parse_field(&value, server)? {
                    has_begun = true;
                    results.extend(found);
                }
            }
            HeaderName::Received if has_begun => {
                let says_enough = results.iter().any(|(method, ..)| matches!(method.as_str(), "dkim" | "dmarc"));
                if says_enough || has_passed || !is_received_by(&value, server) {
                    break;
                }
                has_passed = true;
            }
            _ => {}
        }
    }
    Ok(results)
}

/// Whether a Received field was written by this server.
fn is_received_by(value: &str, server: &str) -> bool {
    let mut words = value.split_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("by")).skip(1);
    words.next().is_some_and(|by| by.trim_end_matches(';').eq_ignore_ascii_case(server))
}

/// The text of a field that is still to be read.
struct Scanner<'f>(&'f str);

impl Scanner<'_> {
    fn next_char(&mut self) -> Option<char> {
        let c = self.0.chars().next()?;
        self.0 = &self.0[c.len_utf8()..];
        Some(c)
    }

    fn peek(&self) -> Option<char> {
        self.0.chars().next()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.next_char();
        }
        found
    }

    /// White space and comments, which nest (RFC 5322, 3.2.2).
    fn skip_space(&mut self) -> Result<(), Unreadable> {
        loop {
            match self.peek() {
                Some(c) if c.is_whitespace() => drop(self.next_char()),
                Some('(') => {
                    let mut depth = 0;
                    loop {
                        match self.next_char().ok_or(Unreadable)? {
                            '(' => depth += 1,
                            ')' => depth -= 1,
                            '\\' => drop(self.next_char().ok_or(Unreadable)?),
                            _ => {}
                        }
                        if depth == 0 {
                            break;
                        }
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// The characters up to white space, a comment or one of these; in lower case.
    fn word(&mut self, ends: &str) -> String {
        let is_end = |c: char| c.is_whitespace() || "()\";".contains(c) || ends.contains(c);
        let end = self.0.find(is_end).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word.to_lowercase()
    }

    /// A value, and whether a part of it is quoted. No comment begins within it: what looks like one may be the sender's.
    fn value(&mut self) -> Result<(String, bool), Unreadable> {
        let (mut text, mut quoted) = (String::new(), false);
        loop {
            text.push_str(&self.word(""));
            match self.peek() {
                Some('"') => {
                    quoted = true;
                    self.next_char();
                    loop {
                        match self.next_char().ok_or(Unreadable)? {
                            '"' => break,
                            '\\' => text.push(self.next_char().ok_or(Unreadable)?),
                            c => text.push(c),
                        }
                    }
                }
                Some('(' | ')') if !text.is_empty() => return Err(Unreadable),
                _ => return Ok((text, quoted)),
            }
        }
    }

    /// The end of a result: a semicolon, or the end of the field.
    fn is_at_end(&self) -> bool {
        matches!(self.peek(), None | Some(';'))
    }

    /// `method [/ version] = result`; `None`: "none", nothing was checked.
    fn method(&mut self) -> Result<Option<(String, String)>, Unreadable> {
        let method = self.word("=/");
        self.skip_space()?;
        if method == "none" && self.is_at_end() {
            return Ok(None);
        }
        if self.take('/') {
            self.skip_space()?;
            let version = self.word("=");
            if version.is_empty() || !version.chars().all(|c| c.is_ascii_digit()) {
                return Err(Unreadable);
            }
            self.skip_space()?;
        }
        if method.is_empty() || !self.take('=') {
            return Err(Unreadable);
        }
        self.skip_space()?;
        let result = self.word("=");
        if result.is_empty() { Err(Unreadable) } else { Ok(Some((method, result))) }
    }

    /// `reason = value` or `type . property = value`.
    fn property(&mut self) -> Result<(String, String), Unreadable> {
        let mut name = self.word("=.");
        self.skip_space()?;
        if self.take('.') {
            self.skip_space()?;
            name.push('.');
            name.push_str(&self.word("="));
            self.skip_space()?;
        }
        if name.is_empty() || !self.take('=') {
            return Err(Unreadable);
        }
        self.skip_space()?;
        let (value, quoted) = self.value()?;
        // A quoted value may be chosen by the sender: no domain is read from it.
        Ok((name, if quoted { String::new() } else { value }))
    }
}

/// The results in a field of this server; `None`: it is from another server, whatever else stands in it.
fn parse_field(field: &str, server: &str) -> Result<Option<Vec<MethodResult>>, Unreadable> {
    let mut scanner = Scanner(field);
    scanner.skip_space()?;
    let (by, _) = scanner.value()?;
    if !by.eq_ignore_ascii_case(server) {
        return Ok(None);
    }
    scanner.skip_space()?;
    let version = scanner.word("");
    if !version.chars().all(|c| c.is_ascii_digit()) {
        return Err(Unreadable);
    }
    scanner.skip_space()?;
    let mut found = Vec::new();
    loop {
        match scanner.next_char() {
            None => return Ok(Some(found)),
            Some(';') => {}
            Some(_) => return Err(Unreadable),
        }
        scanner.skip_space()?;
        if scanner.is_at_end() {
            continue;
        }
        let Some((method, result)) = scanner.method()? else { continue };
        let mut properties = Vec::new();
        scanner.skip_space()?;
        while !scanner.is_at_end() {
            properties.push(scanner.property()?);
            scanner.skip_space()?;
        }
        found.push((method, result, properties));
    }
}

/// Whether DMARC passed for the author's domain or, if the domain has no policy, a DKIM signature of it or of a parent domain.
fn passes(results: &[MethodResult], domain: &str) -> bool {
    let mut policies = results.iter().filter(|(method, result, _)| method == "dmarc" && result != "none").peekable();
    if policies.peek().is_some() {
        // One that did not pass outweighs all others. Exchange writes bestguesspass for a domain that has no policy and would pass.
        return policies.all(|(_, result, properties)| {
            matches!(result.as_str(), "pass" | "bestguesspass")
                && domain_in(properties, &["header.from"]).is_some_and(|passed| passed == domain)
        });
    }
    results.iter().filter(|(method, result, _)| method == "dkim" && result == "pass").any(|(_, _, properties)| {
        let signed = domain_in(properties, &["header.d", "header.i"]);
        signed.is_some_and(|signed| signed == domain || domain.ends_with(&format!(".{signed}")))
    })
}

/// The domain in the first of these properties that is there.
fn domain_in<'r>(properties: &'r [(String, String)], names: &[&str]) -> Option<&'r str> {
    let (_, value) = names.iter().find_map(|name| properties.iter().find(|(known, _)| known == name))?;
    let domain = value.rsplit('@').next().unwrap_or_default();
    let is_domain = !domain.is_empty() && domain.chars().all(|c| c.is_alphanumeric() || "-._".contains(c));
    is_domain.then_some(domain)
}
