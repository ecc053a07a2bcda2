//! Pulling from made servers and made wheels, converting made models.

mod conversion;
mod pulling;
