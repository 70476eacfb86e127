//! The page that says who hears of what is the table.

use domain::notifications::decide::audience::RULES;

/// `RequesterReplied` as `requester replied`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

#[test]
fn the_documentation_shows_who_hears_of_what() {
    let page = include_str!("../../docs/notifications.md");
    let table = page.split("| --- | --- | --- | --- |").nth(1).expect("a table");
    let shown: Vec<&str> = table.lines().skip(1).take_while(|line| !line.is_empty()).collect();
    let expected: Vec<String> = RULES
        .iter()
        .map(|rule| {
            let (of, who, way) = (format!("{:?}", rule.of), format!("{:?}", rule.who), format!("{:?}", rule.way));
            format!("| {} | {} | `{}` | {} |", words(&of), words(&who), rule.cause.as_str(), words(&way))
        })
        .collect();
    assert_eq!(shown, expected);
}
