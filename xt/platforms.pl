#!/usr/bin/perl
# Builds the distribution's tarball and runs its tests on other Debian releases and on 32 bits, one line each:
#
#   xt/platforms.pl                     all of them
#   xt/platforms.pl sid bookworm/i386   these
#
# Needs root, debootstrap, and the package archive that this machine's apt uses; takes some minutes for each. By hand, or
# from .ci/run with MW_PLATFORMS=1; no part of "prove xt". Build and tests have no network but loopback.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use BuildCopy;
use File::Temp ();
use POSIX ();

my @ALL      = qw(bullseye bookworm trixie sid bookworm/i386);
my $PACKAGES = 'perl,make,gcc,libc6-dev,libcrypt-dev';
my $SECONDS  = 1200;    # for each step of a platform

my $PASSED   = qr{\.\. ok$|^I: | -o \S+}; # lines of a log that tell nothing

# Whatever is mounted or left running in there goes with it.
my @APART = qw(unshare --mount --pid --fork --kill-child);

chdir "$FindBin::Bin/.." or die "$FindBin::Bin/..: $!\n";
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
$| = 1;

$> == 0 or die "chroots can be made by root only\n";
my $mirror = mirror();
my ($copy, $tarball) = tarball();
my @failed = grep { !try($_) } @ARGV ? @ARGV : @ALL;
exit(@failed ? 1 : 0);

# The first archive that apt knows, from either kind of list.
sub mirror {
    my @lists = grep {-f} '/etc/apt/sources.list', glob '/etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources';
    for my $list (@lists) {
        open my $fh, '<', $list or next;
        while (my $line = <$fh>) {
            return $1 if $line =~ m{\A(?:deb\s+(?:\[.*?\]\s+)?|URIs:\s+)(\S+/debian)/?(?:\s|\z)};
        }
    }
    die "apt's lists name no Debian archive\n";
}

sub tarball {
    my $copy = BuildCopy->new;
    my ($status, $output) = $copy->execute("$^X Makefile.PL && make dist");
    my ($file) = glob $copy->dir . '/Mail-Wire-*.tar.gz';
    $status == 0 and $file or die "make dist:\n$output";
    return ($copy, $file);
}

sub try {
    my ($platform) = @_;
    my ($suite, $arch) = split m{/}, $platform;
    $arch = native() if not defined $arch;
    my $dir   = File::Temp->newdir('mail-wire-platform-XXXXXX', TMPDIR => 1);
    my $start = time;
    my ($problem, $summary) = problem($suite, $arch, "$dir/root", "$dir/log");
    printf "%-9s %-6s %s: %s (%d s)\n", $suite, $arch, versions("$dir/root"), $problem || "PASS, $summary", time - $start;
    print STDERR tail("$dir/log") if $problem;
    system 'rm', '-rf', '--one-file-system', "$dir/root";
    return !$problem;
}

sub problem {
    my ($suite, $arch, $root, $log) = @_;
    run($log, @APART, 'debootstrap', '--variant=minbase', "--arch=$arch", "--include=$PACKAGES", $suite, $root, $mirror)
        or return 'debootstrap FAILED';
    run($log, 'sh', '-ec', <<'SCRIPT', 'sh', $root, $tarball) or return 'unpacking FAILED';
mkdir "$1/build"
tar -xzf "$2" -C "$1/build" --strip-components=1
chroot "$1" chown -R nobody /build
printf '127.0.0.1 localhost\n::1 localhost\n' >"$1/etc/hosts"
SCRIPT
    return 'make test FAILED' unless within($root, $log, 'perl Makefile.PL && make && make test');
    my ($summary) = tail($log) =~ /^(Files=\d+, Tests=\d+)/m;
    return $summary ? ('', $summary) : 'no summary, FAILED';
}

sub within {
    my ($root, $log, $command) = @_;
    return run($log, @APART, '--net', 'sh', '-ec', <<'SCRIPT', 'sh', $root, $command);
ip link set lo up
mount -t proc proc "$1/proc"
mount --bind /dev "$1/dev"
exec chroot --userspec=nobody:nogroup "$1" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/build LC_ALL=C sh -c "cd /build && $2" </dev/null
SCRIPT
}

# A command's success within the time allowed.
sub run {
    my ($log, @command) = @_;
    my $pid = fork;
    defined $pid or die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>>', $log or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
        exec 'timeout', '-k', 10, $SECONDS, @command or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return $? == 0;
}

sub versions {
    my ($root) = @_;
    my $words = `chroot '$root' sh -c 'perl -e "printf q(perl %vd), \\\$^V"; printf ", gcc "; gcc -dumpfullversion' 2>&1`;
    return 'no perl or gcc' if $?;
    chomp $words;
    return $words;
}

sub native {
    chomp(my $arch = `dpkg --print-architecture`);
    return $arch;
}

sub tail {
    my ($log) = @_;
    open my $fh, '<', $log or return '';
    return BuildCopy::tail(join '', grep { !/$PASSED/ } <$fh>);
}
