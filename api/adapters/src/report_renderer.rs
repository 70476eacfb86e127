//! Renders tables as files: CSV, XLSX and printable HTML.

use domain::kernel::{Error, Result};
use domain::reports::model::{CellValue, Heading, ReportRenderer, Sheet};
use maud::{DOCTYPE, Markup, PreEscaped, html as page};
use rust_xlsxwriter::{Format, Workbook};

pub const REPORT_RENDERER: ReportRenderer = ReportRenderer { csv, xlsx, html };

/// A spreadsheet evaluates a cell that starts with one of these as a formula.
const FORMULA_PREFIXES: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// Spreadsheets recognise UTF-8 by it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

fn csv(sheet: &Sheet) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(BYTE_ORDER_MARK.to_vec());
    writer.write_record(&sheet.columns).map_err(Error::internal)?;
    for row in &sheet.rows {
        let cells = row.iter().map(|value| match value {
            // Prevents formula injection.
            CellValue::Text(text) if text.starts_with(FORMULA_PREFIXES) => format!("'{text}"),
            CellValue::Text(text) => text.clone(),
            CellValue::Number(number) => number.to_string(),
            CellValue::Share(share) => share.to_string(),
            CellValue::Empty => String::new(),
        });
        writer.write_record(cells).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(Error::internal)
}

fn xlsx(sheets: &[Sheet]) -> Result<Vec<u8>> {
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
                    CellValue::Text(text) => sheet.write_string(row, column, text)?,
                    #[expect(clippy::cast_precision_loss, reason = "a cell of a spreadsheet is a float")]
                    CellValue::Number(number) => sheet.write_number(row, column, *number as f64)?,
                    CellValue::Share(share) => sheet.write_number_with_format(row, column, *share, &percent)?,
                    CellValue::Empty => continue,
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

/// A self-contained page: it loads nothing.
fn html(heading: &Heading, sheets: &[Sheet]) -> String {
    let markup = page! {
        (DOCTYPE)
        html lang=(heading.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (heading.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (heading.title) }
                @for line in &heading.lines { p { (line) } }
                @for sheet in sheets {
                    h2 { (sheet.name) }
                    table {
                        thead { tr {
                            @for (index, column) in sheet.columns.iter().enumerate() {
                                @let is_numeric = sheet.rows.iter().any(|row| matches!(row.get(index), Some(CellValue::Number(_))));
                                th scope="col" class=[is_numeric.then_some("number")] { (column) }
                            }
                        } }
                        tbody { @for row in &sheet.rows { tr { @for value in row { (cell(value)) } } } }
                    }
                    @if sheet.rows.is_empty() { p { "–" } }
                }
            }
        }
    };
    markup.into_string()
}

fn cell(value: &CellValue) -> Markup {
    page! {
        @match value {
            CellValue::Text(text) => { td { (text) } }
            CellValue::Number(number) => { td class="number" { (number) } }
            CellValue::Share(share) => {
                td class="share" {
                    span class="bar" { i style=(format!("width:{:.1}%", share.clamp(0.0, 1.0) * 100.0)) {} }
                    (format!("{:.1} %", share * 100.0))
                }
            }
            CellValue::Empty => { td {} }
        }
    }
}
