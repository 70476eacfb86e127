//! The values of one row, without the characters that nobody sees.

use std::collections::HashMap;

/// In a template the number of the row's line, unless a column has this name.
pub const LINE: &str = "line";

/// The values of a row by column.
pub struct Cells<'a> {
    /// Its line in the file; in a workbook, its row.
    pub line: u64,
    pub values: HashMap<&'a str, &'a str>,
}

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextUse {
    /// Compared with others: ids, keys, words, numbers and times.
    Key,
    /// Read by people.
    Text,
}

impl Cells<'_> {
    /// The value of a column or template; `None` if it is empty or one of the `missing` values.
    pub fn value(&self, template: &str, missing: &[String], to: TextUse) -> Option<String> {
        let cell = |column: &str| match self.values.get(column) {
            Some(value) => Some(clean(value, to)).filter(|value| !value.is_empty() && !missing.contains(value)),
            None => (column == LINE).then(|| self.line.to_string()),
        };
        if !template.contains('{') {
            return cell(template);
        }
        let mut text = String::new();
        let mut found = false;
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (column, after) = after.split_once('}').unwrap_or((after, ""));
            text.push_str(before);
            if let Some(value) = cell(column) {
                text.push_str(&value);
                found = true;
            }
            rest = after;
        }
        text.push_str(rest);
        Some(clean(&text, to)).filter(|text| found && !text.is_empty())
    }
}

/// The columns that a template names.
pub fn columns_of(template: &str) -> Vec<&str> {
    if !template.contains('{') {
        return vec![template];
    }
    template.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(column, _)| column)).collect()
}

/// Trimmed, without characters that no field accepts, and in a key without invisible ones: two ids that look the same are the same.
pub fn clean(text: &str, to: TextUse) -> String {
    let keep = |c: &char| {
        (!c.is_control() || matches!(c, '\n' | '\t'))
            && *c != BYTE_ORDER_MARK
            && !(to == TextUse::Key && is_invisible(*c))
    };
    let text: String = text.chars().filter(keep).collect();
    text.trim().to_owned()
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Soft hyphens, zero-width characters and marks of direction, which come along when texts are copied.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | BYTE_ORDER_MARK | '\u{fff9}'..='\u{fffb}')
}
