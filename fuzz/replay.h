/* replay.h - main() of a target that is built without libFuzzer: runs it over the files that are named, one test
 * point each. A file whose name ends in ".corpus" is a sequence of netstrings, an input each.
 */
#ifndef REPLAY_H
#define REPLAY_H

static void replay_input(const char *name, size_t number, const char *bytes, size_t len)
{
    char *block = fuzz_block(bytes, len);

    /* First the name: the target may end the program. */
    printf("# %s %lu\n", name, (unsigned long)number);
    fflush(stdout);
    LLVMFuzzerTestOneInput((const uint8_t *)block, len);
    free(block);
}

static char *replay_read(const char *name, size_t *len_r)
{
    FILE *file = fopen(name, "rb");
    char *bytes = NULL;
    size_t cap = 1 << 16, got;

    *len_r = 0;
    if (!file)
        return NULL;
    do {
        cap *= 2;
        bytes = realloc(bytes, cap);
        if (!bytes)
            exit(1);
        got = fread(bytes + *len_r, 1, cap - *len_r, file);
        *len_r += got;
    } while (*len_r == cap);
    fclose(file);
    return bytes;
}

/* Returns whether it was netstrings to its end. */
static int replay_packed(const char *name, const char *bytes, size_t len)
{
    mw_slice rest, head;
    size_t number = 0, n;

    rest.base = bytes;
    rest.len = len;
    while (fuzz_field(&rest, ':', &head)) {
        n = fuzz_number(head, len, len);
        if (n >= rest.len || rest.base[n] != ',')
            return 0;
        replay_input(name, ++number, rest.base, n);
        rest.base += n + 1;
        rest.len -= n + 1;
    }
    return number > 0;
}

static int replay_file(const char *name)
{
    static const char packed[] = ".corpus";
    size_t len, end = sizeof packed - 1, name_len = strlen(name);
    char *bytes = replay_read(name, &len);
    int ok = bytes != NULL;

    if (ok && name_len > end && strcmp(name + name_len - end, packed) == 0)
        ok = replay_packed(name, bytes, len);
    else if (ok)
        replay_input(name, 1, bytes, len);
    free(bytes);
    return ok;
}

int main(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++)
        tap_ok(replay_file(argv[i]), "%s", argv[i]);
    return tap_done();
}

#endif
