//! Tables as files: CSV that spreadsheets open as UTF-8, XLSX, and a page that prints well.

use domain::kernel::{Error, Result};
use maud::{DOCTYPE, Markup, PreEscaped, html as page};
use rust_xlsxwriter::{Format, Workbook};

/// One table.
pub struct Sheet {
    pub name: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
}

#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    Number(i64),
    /// In 0..=1.
    Share(f64),
    Empty,
}

impl Value {
    pub fn of(count: u64) -> Self {
        Self::Number(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// What stands above the tables of a page.
pub struct Head {
    pub title: String,
    pub lines: Vec<String>,
    /// Of the texts, such as `zh-CN`.
    pub language: String,
}

impl<N: Into<i64>> From<Option<N>> for Value {
    fn from(number: Option<N>) -> Self {
        number.map_or(Self::Empty, |number| Self::Number(number.into()))
    }
}

/// Spreadsheets take the text of a cell that begins with one of these for a formula.
const FORMULA_BEGINS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// By this a spreadsheet knows UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

pub fn csv(sheet: &Sheet) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(BYTE_ORDER_MARK.to_vec());
    writer.write_record(&sheet.columns).map_err(Error::internal)?;
    for row in &sheet.rows {
        let cells = row.iter().map(|value| match value {
            // Somebody's name is no formula on the machine of whoever opens the file.
            Value::Text(text) if text.starts_with(FORMULA_BEGINS) => format!("'{text}"),
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Share(share) => share.to_string(),
            Value::Empty => String::new(),
        });
        writer.write_record(cells).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(Error::internal)
}

pub fn xlsx(sheets: &[Sheet]) -> Result<Vec<u8>> {
    workbook(sheets).map_err(Error::internal)
}

fn workbook(sheets: &[Sheet]) -> std::result::Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
    let mut workbook = Workbook::new();
    let (head, percent) = (Format::new().set_bold(), Format::new().set_num_format("0.0%"));
    for Sheet { name, columns, rows } in sheets {
        let sheet = workbook.add_worksheet();
        sheet.set_name(name)?.set_freeze_panes(1, 0)?;
        for (column, name) in (0..).zip(columns) {
            sheet.write_string_with_format(0, column, name, &head)?;
        }
        for (row, values) in (1..).zip(rows) {
            for (column, value) in (0..).zip(values) {
                match value {
                    Value::Text(text) => sheet.write_string(row, column, text)?,
                    #[expect(clippy::cast_precision_loss, reason = "a cell of a spreadsheet is a float")]
                    Value::Number(number) => sheet.write_number(row, column, *number as f64)?,
                    Value::Share(share) => sheet.write_number_with_format(row, column, *share, &percent)?,
                    Value::Empty => continue,
                };
            }
        }
        sheet.autofit();
    }
    workbook.save_to_buffer()
}

const STYLE: &str = "
:root { color-scheme: light; font: 11pt/1.45 system-ui, 'Noto Sans CJK SC', sans-serif; color: #1d2733; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; }
p { margin: .1rem 0; color: #566473; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; color: #566473; font-weight: 600; border-bottom: 1px solid #9aa7b4; }
td { border-bottom: 1px solid #dde3e9; vertical-align: top; overflow-wrap: anywhere; }
th, td { padding: .25rem .6rem .25rem 0; }
.number { text-align: right; }
.share { white-space: nowrap; width: 11rem; }
.bar { display: inline-block; width: 6rem; height: .6rem; margin-right: .5rem; background: #e6ebf0; border-radius: 3px; overflow: hidden; }
.bar i { display: block; height: 100%; background: #0b6e99; }
@page { margin: 15mm; }
@media print {
  body { margin: 0; max-width: none; }
  h2 { break-after: avoid; }
  tr { break-inside: avoid; }
  thead { display: table-header-group; }
  .bar, .bar i { print-color-adjust: exact; }
}
";

/// A page by itself: nothing is loaded from anywhere.
pub fn html(head: &Head, sheets: &[Sheet]) -> String {
    let made = page! {
        (DOCTYPE)
        html lang=(head.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (head.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (head.title) }
                @for line in &head.lines { p { (line) } }
                @for sheet in sheets {
                    h2 { (sheet.name) }
                    table {
                        thead { tr {
                            @for (place, column) in sheet.columns.iter().enumerate() {
                                @let counts = sheet.rows.iter().any(|row| matches!(row.get(place), Some(Value::Number(_))));
                                th scope="col" class=[counts.then_some("number")] { (column) }
                            }
                        } }
                        tbody { @for row in &sheet.rows { tr { @for value in row { (cell(value)) } } } }
                    }
                    @if sheet.rows.is_empty() { p { "–" } }
                }
            }
        }
    };
    made.into_string()
}

fn cell(value: &Value) -> Markup {
    page! {
        @match value {
            Value::Text(text) => { td { (text) } }
            Value::Number(number) => { td class="number" { (number) } }
            Value::Share(share) => {
                td class="share" {
                    span class="bar" { i style=(format!("width:{:.1}%", share.clamp(0.0, 1.0) * 100.0)) {} }
                    (format!("{:.1} %", share * 100.0))
                }
            }
            Value::Empty => { td {} }
        }
    }
}
