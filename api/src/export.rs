//! Tables as files: CSV that spreadsheets open as UTF-8, and XLSX.

use domain::kernel::{Error, Result};
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
    Empty,
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
    let head = Format::new().set_bold();
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
                    Value::Empty => continue,
                };
            }
        }
        sheet.autofit();
    }
    workbook.save_to_buffer()
}
