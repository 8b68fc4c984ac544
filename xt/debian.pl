#!/usr/bin/perl
# Makes a Debian package of the distribution's tarball, as dh-make-perl does it, installs it into a fresh Debian without a compiler, and
# tries it there, as nobody and without a network but loopback:
#
#   xt/debian.pl
#
# Needs root, dh-make-perl, debhelper, libperl-dev, debootstrap and iproute2, and the package archive that this machine's apt uses; takes some
# minutes. By hand, or from .ci/run with MW_PLATFORMS=1; no part of "prove xt".

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use BuildCopy;
use File::Temp ();
use POSIX ();

my $SECONDS = 1200;                # for each step
my @PERL    = ('perl', 'perl-base', sprintf('perl-modules-%vd', $^V), sprintf('libperl%vd', $^V));
s/(\d+\.\d+)\.\d+\z/$1/ for @PERL;

# Whatever is mounted or left running in there goes with it.
my @APART = qw(unshare --mount --pid --fork --kill-child);

# What the package is tried with.
my $TRIAL = <<'SHELL';
for tool in gcc cc make; do if command -v $tool; then exit 1; fi; done
cd "$HOME"
perl /usr/share/doc/libmail-wire-perl/examples/deliver.pl
mailwire help >/dev/null
mailwire sink --lmtp "$HOME/socket" --count 1 --store mail -q >urls &
until grep -qs lmtp: urls; do sleep 0.1; done
printf 'Subject: Welcome\n\nHello.\n' | mailwire send "$(cat urls)" --from ann@example.org --to ben@example.org
wait $!
grep -q '^Subject: Welcome' mail/new/*
test -n "$(ls /usr/share/man/man1/mailwire-import.1p.gz /usr/share/man/man3/Mail::Wire::Manual.3pm.gz /usr/share/doc/libmail-wire-perl/README.md.gz)"
SHELL

chdir "$FindBin::Bin/.." or die "$FindBin::Bin/..: $!\n";
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
$| = 1;
$> == 0 or die "chroots can be made by root only\n";

my $dir = File::Temp->newdir('mail-wire-debian-XXXXXX', TMPDIR => 1);
my $log = "$dir/log";
tarball();
step('a package by dh-make-perl', 'sh', '-ec', <<'SHELL', 'sh', "$dir");
cd "$1"
tar -xzf Mail-Wire-*.tar.gz
cd Mail-Wire-*/
export DEBFULLNAME='The Mail-Wire authors' DEBEMAIL=nobody@example.org DEB_BUILD_OPTIONS=nocheck
dh-make-perl make --no-network --core-ok --vcs none . </dev/null
dpkg-buildpackage -us -uc -b
SHELL
step('a Debian without a compiler', @APART, 'debootstrap', '--variant=minbase', '--include=perl', suite(), "$dir/root", mirror());
# The perl that the package was made for may be newer than that of the archive's first list.
step('this perl', 'sh', '-ec', <<'SHELL', 'sh', "$dir/root", @PERL);
cd "$1/tmp"
shift
apt-get download "$@"
chroot .. sh -ec 'dpkg -i /tmp/*.deb; rm /tmp/*.deb'
SHELL
step('the package is installed', 'sh', '-ec', <<'SHELL', 'sh', "$dir");
cp "$1"/libmail-wire-perl_*.deb "$1/root/tmp/"
chroot "$1/root" sh -ec 'dpkg -i /tmp/*.deb'
SHELL
step('and works', @APART, '--net', 'sh', '-ec', <<'SHELL', 'sh', "$dir/root", $TRIAL);
ip link set lo up
mount -t proc proc "$1/proc"
mount --bind /dev "$1/dev"
mkdir "$1/home/trial"
chroot "$1" chown nobody /home/trial
exec chroot --userspec=nobody:nogroup "$1" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/home/trial LC_ALL=C sh -exc "$2" </dev/null
SHELL
step('is taken away', 'chroot', "$dir/root", 'sh', '-ec', 'dpkg -r libmail-wire-perl; if command -v mailwire; then exit 1; fi');
print "PASS\n";

END {
    my $status = $?;
    system 'rm', '-rf', '--one-file-system', "$dir/root" if $dir;
    $? = $status;
}

sub tarball {
    my $copy = BuildCopy->new;
    my ($status, $output) = $copy->execute("$^X Makefile.PL && make dist && cp Mail-Wire-*.tar.gz '$dir'");
    $status == 0 or die "make dist:\n$output";
    return;
}

# One line for each; the end of its log where it failed.
sub step {
    my ($name, @command) = @_;
    my $start = time;
    my $pid = fork;
    defined $pid or die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>', $log or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
        exec 'timeout', '-k', 10, $SECONDS, @command or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $failed = $?;
    printf "%s: %s (%d s)\n", $name, $failed ? 'FAILED' : 'ok', time - $start;
    return if !$failed;
    open my $fh, '<', $log or die "$log: $!\n";
    print STDERR BuildCopy::tail(join '', <$fh>);
    exit 1;
}

# The first archive that apt knows, from either kind of list.
sub mirror {
    for my $list (grep {-f} '/etc/apt/sources.list', glob '/etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources') {
        open my $fh, '<', $list or next;
        while (my $line = <$fh>) {
            return $1 if $line =~ m{\A(?:deb\s+(?:\[.*?\]\s+)?|URIs:\s+)(\S+/debian)/?(?:\s|\z)};
        }
    }
    die "apt's lists name no Debian archive\n";
}

sub suite {
    open my $fh, '<', '/etc/os-release' or die "/etc/os-release: $!\n";
    my ($suite) = map { /\AVERSION_CODENAME=(\w+)/ ? $1 : () } <$fh>;
    return defined $suite ? $suite : die "/etc/os-release has no VERSION_CODENAME\n";
}
