//! The figures of the desk in Prometheus' text format.

use super::hub::Figures;
use crate::serve::metrics::{family, line};

/// How much is shown, and to how many.
pub fn write(out: &mut String, figures: Figures) {
    for (name, help, value) in [
        ("allo_desk_calls", "Calls that are handed over and shown.", figures.calls),
        ("allo_desk_readers", "Pages and programs that follow them.", figures.readers),
    ] {
        family(out, name, "gauge", help);
        line(out, format_args!("{name} {value}"));
    }
}
