# Each allocation of the core fails in turn while the classes use it: nothing crashes, nothing leaks, every recipient has one
# result, and nobody a success that the server has not given. In a copy whose default allocator can be told to fail, and whose
# bad accesses AddressSanitizer finds.

use strict;
use warnings;

use lib 'xt/lib';
use BuildCopy;
use RealServer;
use Test::More;

RealServer->need(qw(gcc make prove));

my $copy = BuildCopy->new;
edit('c/alloc.c', qr/^    return realloc\(block, size\);\n/m, <<'C');
    mw_test_alloc_live += !block;
    if (++mw_test_alloc_calls != mw_test_alloc_fail_at)
        return realloc(block, size);
    mw_test_alloc_live -= !block;
    return NULL;
C
edit('c/alloc.c', qr/^    free\(block\);\n/m, "    mw_test_alloc_live -= block != NULL;\n    free(block);\n");
edit('c/alloc.c', qr/^(?=#define FIRST_ITEMS)/m, "long mw_test_alloc_calls, mw_test_alloc_fail_at, mw_test_alloc_live;\n");
edit('xs/Wire.xs', qr/^(?=MODULE = )/m, "extern long mw_test_alloc_calls, mw_test_alloc_fail_at, mw_test_alloc_live;\n\n");
edit('xs/Wire.xs', qr/\z/, <<'XS');

MODULE = Mail::Wire  PACKAGE = Mail::Wire::TestAlloc

void
fail_at(n)
    IV n
  CODE:
    mw_test_alloc_calls = 0;
    mw_test_alloc_fail_at = (long)n;

IV
calls()
  CODE:
    RETVAL = (IV)mw_test_alloc_calls;
  OUTPUT:
    RETVAL

IV
live()
  CODE:
    RETVAL = (IV)mw_test_alloc_live;
  OUTPUT:
    RETVAL
XS

chomp(my $asan = `gcc -print-file-name=libasan.so`);
$copy->run('configured', "$^X Makefile.PL CC=gcc OPTIMIZE=-O1 SANITIZE=1");
$copy->run('built', 'make -j2');
$copy->environment(LD_PRELOAD => $asan, ASAN_OPTIONS => 'detect_leaks=0', PERL_DESTRUCT_LEVEL => 2);
my $output = $copy->run('each allocation fails in turn', 'prove -bv xt/glue-memory.pl');
note(map {"$_\n"} grep {/allocations fails/} split /\n/, $output);
done_testing;

# One place of a file of the copy becomes this.
sub edit {
    my ($file, $place, $text) = @_;
    my $path = $copy->dir . "/$file";
    open my $in, '<:raw', $path or die "$path: $!";
    my $source = do { local $/; <$in> };
    close $in;
    my $count = $source =~ s/$place/$text/;
    is($count, 1, "$file has the place to be changed");
    chmod 0644, $path;
    open my $out, '>:raw', $path or die "$path: $!";
    print {$out} $source;
    close $out or die "$path: $!";
    return;
}
