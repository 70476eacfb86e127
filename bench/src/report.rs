//! The table of results, each with its limit.

use std::time::Duration;

#[derive(Default)]
pub struct Report {
    rows: Vec<[String; 5]>,
}

impl Report {
    pub fn row(&mut self, what: &str, measured: String, limit: &str, limited: String, ratio: f64) {
        self.push([what.to_owned(), measured, limit.to_owned(), limited, format!("{ratio:.2}")]);
    }

    /// A figure without a limit.
    pub fn row_without_limit(&mut self, what: &str, measured: String) {
        self.push([what.to_owned(), measured, String::new(), String::new(), String::new()]);
    }

    fn push(&mut self, row: [String; 5]) {
        eprintln!("{}", row.join("  "));
        self.rows.push(row);
    }

    pub fn print(&self) {
        println!("| measured | figure | limit in the same run | figure | ratio |");
        println!("| --- | ---: | --- | ---: | ---: |");
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
    }
}

pub fn rate(per_second: f64) -> String {
    if per_second < 100.0 { format!("{per_second:.1}/s") } else { format!("{per_second:.0}/s") }
}

pub fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}
