#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    animica_p2p_fuzz::bodies::of("seed_list")(data);
});
