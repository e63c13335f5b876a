//! Recipes for property tests. They shrink to fewer operations and to plainer ones.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn recipe() -> impl Strategy<Value = Recipe> {
    let records = vec(any::<Record>(), 0..=RECORDS_MAX);
    (any::<[u8; SETUP_BYTES]>(), records, vec(any::<u8>(), 0..64)).prop_map(
        |(setup, records, decisions)| Recipe {
            setup,
            records,
            decisions,
        },
    )
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Contract), Just(Class::Misuse)]
}

proptest! {
    #[test]
    fn every_recipe_is_a_scenario_that_reads_back_from_its_text(recipe in recipe(), class in class()) {
        let scenario = recipe.scenario("any", class);
        prop_assert_eq!(Scenario::parse(&scenario.to_string()), Ok(scenario));
    }

    #[test]
    fn every_input_is_a_recipe(bytes in vec(any::<u8>(), 0..500)) {
        let recipe = Recipe::from_bytes(&bytes);
        prop_assert!(recipe.records.len() <= RECORDS_MAX);
        let used = SETUP_BYTES + recipe.records.len() * RECORD_BYTES + recipe.decisions.len();
        prop_assert!(used == bytes.len() || bytes.len() < SETUP_BYTES);
    }
}
