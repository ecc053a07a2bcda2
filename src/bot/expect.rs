//! How patient turn-taking is, from what the caller is asked for.

use crate::dialog::Expect;
use crate::slots::{Kind, Letters, Shape};
use crate::turn::Expectation;

/// What a caller is asked for, in the words of turn-taking.
pub(super) fn expectation(expect: Expect) -> Expectation {
    match expect {
        Expect::Wish | Expect::Choice => Expectation::Open,
        Expect::YesNo | Expect::Value(Kind::YesNo) => Expectation::YesNo,
        Expect::Value(Kind::Phone) => Expectation::Phone,
        Expect::Value(Kind::Email) => Expectation::Email,
        Expect::Value(Kind::Name) => Expectation::Spelling,
        Expect::Value(Kind::Reference(shape)) => reference(shape),
        // Postcodes are four or five digits, with letters behind them in some countries.
        Expect::Value(Kind::Postcode) => Expectation::Digits { count: 0 },
        Expect::Value(
            Kind::Date | Kind::Period | Kind::Time | Kind::Amount | Kind::Number | Kind::City | Kind::Product,
        ) => Expectation::Open,
    }
}

fn reference(shape: Shape) -> Expectation {
    match shape.letters {
        Letters::None if shape.characters_min == shape.characters_max => {
            Expectation::Digits { count: shape.characters_max.into() }
        }
        Letters::None => Expectation::Digits { count: 0 },
        Letters::Anywhere | Letters::Before(_) => Expectation::Spelling,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_known_length_is_complete_with_its_last_digit() {
        let six = Expect::Value(Kind::Reference(Shape::digits(6, 6)));
        assert_eq!(expectation(six), Expectation::Digits { count: 6 });
        let some = Expect::Value(Kind::Reference(Shape::digits(6, 10)));
        assert_eq!(expectation(some), Expectation::Digits { count: 0 });
        assert_eq!(expectation(Expect::YesNo), Expectation::YesNo);
    }
}
