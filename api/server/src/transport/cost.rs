//! Limits the cost of a document before validation.
//!
//! Limits on depth and complexity apply too late: a kilobyte of fragments that double each other takes seconds to
//! validate. Here each fragment is visited once, its size is cached, and sizes are added with saturation.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::Positioned;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of the document's text.
    pub document_bytes_max: usize,
    /// Nesting of brackets of any kind.
    pub nesting_max: usize,
    /// Fields, with all fragments expanded.
    pub expanded_fields_max: u64,
    /// Levels of fields, with all fragments expanded.
    pub depth_max: u64,
    pub aliases_max: usize,
    pub root_fields_max: u64,
    pub spreads_max: usize,
    pub operations_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes_max: 32 * 1024,
            nesting_max: 64,
            expanded_fields_max: 2_000,
            depth_max: 16,
            aliases_max: 60,
            root_fields_max: 30,
            spreads_max: 200,
            operations_max: 100,
        }
    }
}

/// Limits the text, so that parsing it is cheap.
pub fn check_text(text: &str, limits: &Limits) -> Result<(), String> {
    if text.len() > limits.document_bytes_max {
        return Err(too_much("bytes", text.len() as u64, limits.document_bytes_max as u64));
    }
    let mut nesting: usize = 0;
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'{' | b'[' | b'(' => {
                nesting += 1;
                if nesting > limits.nesting_max {
                    return Err(too_much("levels of brackets", nesting as u64, limits.nesting_max as u64));
                }
            }
            b'}' | b']' | b')' => nesting = nesting.saturating_sub(1),
            b'#' => rest = after_line(after),
            b'"' => rest = after_string(after),
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn after_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(text.len());
    &text[end..]
}

/// The rest after a string whose first quote has been read. An unterminated string ends with its line: there the parser
/// fails.
pub(super) fn after_string(text: &[u8]) -> &[u8] {
    if let Some(mut rest) = text.strip_prefix(b"\"\"") {
        while let Some((_, after)) = rest.split_first() {
            if let Some(after) = rest.strip_prefix(b"\"\"\"") {
                return after;
            }
            rest = rest.strip_prefix(b"\\\"\"\"").unwrap_or(after);
        }
        return rest;
    }
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' | b'\n' | b'\r' => return after,
            b'\\' => after.get(1..).unwrap_or_default(),
            _ => after,
        };
    }
    rest
}

/// Limits the expanded document.
pub fn check(document: &ExecutableDocument, limits: &Limits) -> Result<(), String> {
    let mut walk = Walk { document, fragments: HashMap::new(), aliases: 0, spreads: 0 };
    let mut total = Size::default();
    for (_, operation) in document.operations.iter() {
        let size = walk.selections(&operation.node.selection_set)?;
        total = Size {
            fields: total.fields.saturating_add(size.fields),
            depth: total.depth.max(size.depth),
            top: total.top.max(size.top),
        };
    }
    for (what, count, max) in [
        ("operations", document.operations.iter().len() as u64, limits.operations_max as u64),
        ("aliases", walk.aliases as u64, limits.aliases_max as u64),
        ("fragment spreads", walk.spreads as u64, limits.spreads_max as u64),
        ("fields at the root", total.top, limits.root_fields_max),
        ("levels of fields", total.depth, limits.depth_max),
        ("fields (fragments written out)", total.fields, limits.expanded_fields_max),
    ] {
        if count > max {
            return Err(too_much(what, count, max));
        }
    }
    Ok(())
}

/// Whether the document queries the schema anywhere.
pub fn introspects(document: &ExecutableDocument) -> bool {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set);
    operations.chain(fragments).any(asks_for_schema)
}

fn asks_for_schema(set: &Positioned<SelectionSet>) -> bool {
    set.node.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => {
            matches!(field.node.name.node.as_str(), "__schema" | "__type") || asks_for_schema(&field.node.selection_set)
        }
        Selection::InlineFragment(fragment) => asks_for_schema(&fragment.node.selection_set),
        Selection::FragmentSpread(_) => false,
    })
}

fn too_much(what: &str, count: u64, max: u64) -> String {
    format!("The document has {count} {what}; at most {max} are allowed. Ask for less, or in several requests.")
}

#[derive(Clone, Copy, Default)]
struct Size {
    fields: u64,
    depth: u64,
    /// Fields at the root.
    top: u64,
}

struct Walk<'d> {
    document: &'d ExecutableDocument,
    /// `None` while it is being visited: meeting it again means a cycle.
    fragments: HashMap<&'d Name, Option<Size>>,
    aliases: usize,
    spreads: usize,
}

impl<'d> Walk<'d> {
    fn selections(&mut self, set: &'d Positioned<SelectionSet>) -> Result<Size, String> {
        let mut size = Size::default();
        for selection in &set.node.items {
            let part = match &selection.node {
                Selection::Field(field) => {
                    self.aliases += usize::from(field.node.alias.is_some());
                    let inner = self.selections(&field.node.selection_set)?;
                    Size { fields: inner.fields.saturating_add(1), depth: inner.depth + 1, top: 1 }
                }
                Selection::InlineFragment(fragment) => self.selections(&fragment.node.selection_set)?,
                Selection::FragmentSpread(spread) => {
                    self.spreads += 1;
                    self.fragment(&spread.node.fragment_name.node)?
                }
            };
            size = Size {
                fields: size.fields.saturating_add(part.fields),
                depth: size.depth.max(part.depth),
                top: size.top.saturating_add(part.top),
            };
        }
        Ok(size)
    }

    fn fragment(&mut self, name: &Name) -> Result<Size, String> {
        // Validation reports unknown fragments.
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else { return Ok(Size::default()) };
        match self.fragments.get(name) {
            Some(Some(size)) => Ok(*size),
            Some(None) => Err(format!("The fragment {name:?} contains itself.")),
            None => {
                self.fragments.insert(name, None);
                let size = self.selections(&fragment.node.selection_set)?;
                self.fragments.insert(name, Some(size));
                Ok(size)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    fn verdict(text: &str) -> Result<(), String> {
        let limits = Limits::default();
        check_text(text, &limits)?;
        check(&parse_query(text).map_err(|e| e.to_string())?, &limits)
    }

    #[test]
    fn fragments_that_double_are_refused_after_one_visit_each() {
        let mut text = "{ ...f0 }".to_owned();
        for i in 0..40 {
            text += &format!(" fragment f{i} on Query {{ ...f{0} ...f{0} }}", i + 1);
        }
        text += " fragment f40 on Query { viewer { id } }";
        assert!(verdict(&text).unwrap_err().contains("fields"), "2^40 fields");
    }

    #[test]
    fn ordinary_documents_pass_and_each_limit_applies() {
        assert_eq!(
            verdict("query Q { tickets(first: 50) { nodes { id title comments(last: 3) { nodes { body } } } } }"),
            Ok(())
        );
        assert!(
            verdict("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }")
                .unwrap_err()
                .contains("itself")
        );
        assert!(verdict(&format!("{{ {} }}", "viewer { id } ".repeat(31))).unwrap_err().contains("root"));
        let aliases: String = (0..61).map(|i| format!("a{i}: id ")).collect();
        assert!(verdict(&format!("{{ viewer {{ {aliases} }} }}")).unwrap_err().contains("aliases"));
        assert!(verdict(&format!("{}id{}", "{ a ".repeat(100), "}".repeat(100))).unwrap_err().contains("brackets"));
        // Brackets in comments and strings do not count.
        let deep = format!("{}id{}", "{ a ".repeat(100), "}".repeat(100));
        for hiding in [
            "# x\r",
            "# x\n",
            "{ a(b: \"#\") } ",
            "{ a(b: \"}}}}}}\") } ",
            "{ a(b: \"\\\"#\") } ",
            "{ a(b: \"\"\"#\"\"\") } ",
        ] {
            assert!(verdict(&format!("{hiding}{deep}")).unwrap_err().contains("brackets"), "{hiding}");
        }
        let many: String = (0..101).map(|i| format!("query Q{i} {{ viewer {{ id }} }} ")).collect();
        assert!(verdict(&many).unwrap_err().contains("operations"));
        let closing = format!("{{ a(b: \"{}\") {deep}", "}".repeat(90));
        assert!(verdict(&closing).unwrap_err().contains("brackets"));
        assert!(verdict(&format!("{{ id }} # {}", "x".repeat(40_000))).unwrap_err().contains("bytes"));
        assert!(verdict("{ id } # {{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{").is_ok());
    }
}
