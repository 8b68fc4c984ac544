package Memory;

# How much memory this process has, where that can be told.
#
#   my $kilobytes = Memory::resident();         now
#   my $kilobytes = Memory::resident('VmHWM');  at the most, so far
#
# undef where /proc has no such number, and under AddressSanitizer, which keeps what was freed.

use strict;
use warnings;

sub resident {
    my ($what) = @_;
    $what = 'VmRSS' if !defined $what;
    return if ($ENV{LD_PRELOAD} || '') =~ /asan/;
    open my $status, '<', '/proc/self/status' or return;
    my ($kilobytes) = map {/^$what:\s+(\d+)/} <$status>;
    return $kilobytes;
}

1;
