# The rows of scripts/bench as one table: minima of times, maxima of memory, and what is divided by what.

function field(name,    found) {
    if (!match($0, "\"" name "\": ?(\"[^\"]*\"|[0-9.-]+)"))
        return ""
    found = substr($0, RSTART, RLENGTH)
    sub("^\"" name "\": ?", "", found)
    gsub("\"", "", found)
    return found
}

function shown(value) { return value == "" ? "-" : sprintf("%.2f", value) }
function ratio(a, b) { return a == "" || b == "" ? "-" : sprintf("%.2f", a / b) }
function mebibytes(value) { return value == "" ? "-" : sprintf("%.1f", value / 1024) }
function at(engine, what, shape, threads) { return best[engine, what, shape, threads] }

{
    engine = field("engine")
    sub(/^bulla .*/, "engine", engine)
    sub(/^onnxruntime .*/, "onnx", engine)
    what = field("what")
    sub(/^embed$/, "C_Decrypt", what)
    key = engine SUBSEP what SUBSEP field("batch") "x" field("tokens") SUBSEP field("threads")
    time = field("ms")
    value = time == "" ? field("kib") : time
    if (what ~ /^Argon2id/)
        argon2[engine] = what
    if (!(key in best) || (time == "" ? value + 0 > best[key] + 0 : value + 0 < best[key] + 0))
        best[key] = value + 0
}

# Of two minima: the difference of one round would take a slow Argon2id for a fast start.
function apart(engine, threads,    whole, pin) {
    whole = at(engine, "cold start", "1x16", threads)
    pin = at(engine, argon2[engine], "0x0", threads)
    return whole == "" || pin == "" ? "" : whole - pin
}

function part(what, shape, note) {
    printf "  %-34s%11s%11s%11s  %s\n", what, shown(at(token, what, shape, 1)), shown(at(standard, what, shape, 1)),
        shown(at(tpm, what, shape, 1)), note
}

END {
    token = "token passphrase"
    standard = "token passphrase, standard"
    tpm = "token tpm"
    printf "\nCold start, 1 thread                 quick PIN  standard       TPM\n"
    part("C_Initialize", "0x0")
    part("C_OpenSession", "0x0")
    part("C_Login", "0x0", "Argon2id included")
    part("C_FindObjects", "0x0")
    part("C_DecryptInit", "0x0")
    part("first C_Decrypt", "1x16", "opens, decrypts, locks, packs, embeds")
    part("cold start", "1x16", "C_Initialize to the first embedding")
    # Not of the standard PIN: a small difference of two large times.
    printf "  %-34s%11s%11s%11s\n", "cold start apart from Argon2id", shown(apart(token, 1)), "-", shown(apart(tpm, 1))
    part("second C_Decrypt", "1x16", "warm")
    printf "  %s: %s ms (quick), %s: %s ms (standard)\n", argon2[token], shown(at(token, argon2[token], "0x0", 1)),
        argon2[standard], shown(at(standard, argon2[standard], "0x0", 1))
    printf "  2 threads: cold start apart from Argon2id %s; dlopen of the module before it: %s\n",
        shown(apart(token, 2)), shown(at(token, "dlopen", "0x0", 1))

    printf "\n                                      C_Decrypt     engine       onnx   C_Decrypt  C_Decrypt\n"
    printf "                                                                         /engine      /onnx\n"
    count = split("1x16 1x128 32x128", shapes, " ")
    for (i = 1; i <= count; i++)
        for (threads = 1; threads <= 2; threads++) {
            whole = at(token, "C_Decrypt", shapes[i], threads)
            raw = at("engine", "C_Decrypt", shapes[i], threads)
            peer = at("onnx", "C_Decrypt", shapes[i], threads)
            printf "  %-34s%11s%11s%11s%11s%11s\n", shapes[i] " tokens, " threads " thread" (threads > 1 ? "s" : ""),
                shown(whole), shown(raw), shown(peer), ratio(whole, raw), ratio(whole, peer)
        }
    cold = apart(token, 1)
    peer = at("onnx", "cold start", "1x16", 1)
    printf "  %-34s%11s%11s%11s%11s%11s\n", "cold start to the first, 1 thread", shown(cold), "-", shown(peer), "-",
        ratio(cold, peer)

    printf "\nMemory, MiB                               token       onnx\n"
    printf "  %-34s%11s\n", "locked, after 1x16", mebibytes(at(token, "locked", "1x16", 1))
    printf "  %-34s%11s\n", "locked, after 32x128", mebibytes(at(token, "locked", "32x128", 1))
    printf "  %-34s%11s%11s  %s\n", "resident at most, cold and 1x16", mebibytes(at(token, "resident", "1x16", 1)),
        mebibytes(at("onnx", "resident", "1x16", 1)), "onnx: what node grew by"
    printf "  %-34s%11s\n", "resident at most, 32x128", mebibytes(at(token, "resident", "32x128", 1))
}
