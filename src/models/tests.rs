//! Pulling from made servers and made wheels, reading and converting made models.

mod conversion;
mod large;
mod made;
mod pulling;
mod weights;
