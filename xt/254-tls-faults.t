# A fault at each system call that reads or writes, of sessions over TLS: handshake, STARTTLS, sync calls, deliveries, the end. What has one that
# passes is as if there was none. Behind one that does not each recipient has one result, and no other than the server knows.
#
# xt/lib/syscall_fault.c makes them. SWEEP_STEP=7 takes every seventh call.

use strict;
use warnings;

use Config;
use Digest::SHA qw(sha256_hex);
use File::Temp ();
use Test::More;

use lib qw(t/lib xt/lib);
use RealServer;

use constant { PATIENCE => 300, LONGER => 600 };    # seconds: what takes so long hangs, as nothing here is waited for in vain

my $folder;

BEGIN {
    RealServer->need('gcc', 'IO::Socket::SSL', [ 'LD_PRELOAD' => $^O eq 'linux' ]);
    if (!$ENV{SYSCALL_FAULT}) {
        $folder = File::Temp::tempdir(CLEANUP => 1);
        system('gcc', '-shared', '-fPIC', '-o', "$folder/fault.so", 'xt/lib/syscall_fault.c', '-ldl') == 0 or die 'gcc';
        open my $fh, '>:raw', "$folder/control" or die "control: $!";
        print {$fh} pack 'L4', (0) x 4;
        close $fh or die "control: $!";
        local @ENV{qw(SYSCALL_FAULT LD_PRELOAD)} = ("$folder/control", "$folder/fault.so");
        my $status = system $^X, (map {"-I$_"} grep { !ref } @INC), $0;
        File::Temp::cleanup();
        require POSIX;
        POSIX::_exit($status ? 1 : 0);
    }
}

use Mail::Wire;
use Mail::Wire::Sink;
use Net::LMTP;

delete $ENV{LD_PRELOAD};
open my $control, '+<:raw', $ENV{SYSCALL_FAULT} or die "control: $!";

sub tell_it {
    sysseek $control, 0, 0;
    syswrite $control, pack 'L4', @_, 0;
    return;
}

# Calls since then.
sub count {
    sysseek $control, 12, 0;
    sysread $control, my $count, 4;
    return unpack 'L', $count;
}

# As in syscall_fault.c: name, whether it passes, whether it is at each call.
my @faults = (
    undef,
    [ 'EINTR',           1, 0 ], [ 'EAGAIN', 1, 0 ], [ 'a single octet', 1, 0 ],
    [ 'single octets',   1, 1 ], [ 'EINTR every second time', 1, 1 ], [ 'EAGAIN every second time', 1, 1 ],
    [ 'ECONNRESET or EPIPE', 0, 0 ], [ 'an end', 0, 0 ], [ 'ETIMEDOUT', 0, 0 ], [ 'ENOBUFS', 0, 0 ], [ 'half of it, then an end', 0, 0 ],
);

my $text = "Subject: a message\n\n" . "a line of more records than one\n" x 3000;
(my $crlf = $text) =~ s/\n/\r\n/g;
my @to = ('a@x', 'no@x', 'b@x');
sub refusing { my ($reply) = @_; return (discard => 1, rcpt => sub { $_[0] =~ /\Ano/ ? $reply : undef }) }

# Each: a sink, what arrives of the text there, a session. A session has results of its messages, by name, or undef when there is no link.
my %kind = (
    LMTP => [ Mail::Wire::Sink->new(tls => 'starttls', refusing('550 5.1.1 no')), $crlf, \&lmtp ],
    QMTP => [ Mail::Wire::Sink->new(tls => 'implicit', protocol => 'qmtp', refusing('Dno')), $text, \&qmtp ],
);

sub lmtp {
    my ($sink, $id) = @_;
    my $lmtp = Net::LMTP->new($sink->host, $sink->port, Hello => 'me', Timeout => LONGER, StartTLS => 'require', SSL_ca_file => $sink->ca_file)
        or return;
    my %results;
    my $is_begun = $lmtp->mail("$id.s\@x") && $lmtp->recipient(@to, { SkipBad => 1 }) && $lmtp->data;
    my $ok = $is_begun && $lmtp->datasend($text) && $lmtp->dataend;
    # The old calls have results of whom they could ask for.
    my @asked = $lmtp->results;
    $results{s} = \@asked if @asked == @to or $ok;
    deliveries($lmtp, $id, \%results);
    $lmtp->quit;
    return \%results;
}

sub qmtp {
    my ($sink, $id) = @_;
    my $qmtp = Mail::Wire->connect('qmtps://' . $sink->host . ':' . $sink->port, Timeout => LONGER, SSL_ca_file => $sink->ca_file) or return;
    my %results;
    deliveries($qmtp, $id, \%results);
    $qmtp->disconnect if defined $qmtp->fileno;
    return \%results;
}

sub deliveries {
    my ($client, $id, $results) = @_;
    $results->{d} = [ $client->deliver(From => "$id.d\@x", To => [@to], Data => $text) ];
    my %name = map { $client->submit(From => "$id.$_\@x", To => [@to], Data => $text) => $_ } qw(e f);
    while (my $delivery = $client->collect) { $results->{ $name{ $delivery->id } } = [ $delivery->results ] }
    return;
}

my @problems;
my %told;    # sender => results

sub run {
    my ($kind, $what, $at) = @_;
    my ($sink, undef, $session) = @{ $kind{$kind} };
    my $fault = $faults[$what];
    my $id = "$kind-$what-$at";
    my $place = $fault ? "$kind, $fault->[0] at call $at" : "$kind, no fault";
    local $SIG{ALRM} = sub { die "a hang\n" };
    alarm PATIENCE;
    tell_it($sink->port, $at, $what);
    my ($results, $why);
    eval { $results = $session->($sink, $id); $why = $@; 1 } or push @problems, "$place: died of $@";
    alarm 0;
    my $calls = count();
    tell_it(0, 0, 0);
    push @problems, "$place: no link, and no reason" if !$results and !length $why;
    my $passes = !$fault || $fault->[1];
    for my $name ($kind eq 'LMTP' ? 's' : (), qw(d e f)) {
        my $list = $results && $results->{$name};
        my $said = join ' ', map { $_->status } @{ $list || [] };
        push @problems, "$place, $name: $said" . ($results ? '' : " ($why)") if $passes and $said ne 'success failure success';
        push @problems, "$place, $name: " . @$list . ' results' if $list and @$list != @to;
        push @problems, "$place, $name: not all are there" if $results and !$list and $name ne 's';
        $told{"$id.$name\@x"} = [ $kind, $place, $list ];
    }
    return $calls;
}

my $step = $ENV{SWEEP_STEP} || 1;
for my $kind (sort keys %kind) {
    my $calls = run($kind, 0, 0);
    cmp_ok($calls, '>', 20, "$kind: $calls calls in a session");
    for my $what (1 .. $#faults) {
        my ($name, undef, $is_each) = @{ $faults[$what] };
        @problems = ();
        run($kind, $what, $_) for map { 1 + $_ * $step } 0 .. ($is_each ? 0 : int(($calls - 1) / $step));
        is(join("\n", @problems), '', "$kind: $name");
    }
}

# ---- what the servers have

my %there;
for my $kind (sort keys %kind) {
    my ($sink, $wire) = @{ $kind{$kind} };
    my $digest = sha256_hex($wire);
    for my $message ($sink->messages) {
        $there{ $message->{from} }++;
        push @problems, "$message->{from}: other content" if $message->{digest} ne $digest;
    }
}
my %count;
for my $from (sort keys %told) {
    my ($kind, $place, $results) = @{ $told{$from} };
    my $is_there = $there{$from} || 0;
    push @problems, "$place, $from: it was delivered $is_there times" if $is_there > 1;
    for my $result (@{ $results || [] }) {
        my $refuses = $result->recipient =~ /\Ano/;
        $count{ $result->status . ($result->maybe_delivered ? ', maybe' : '') }++;
        push @problems, "$place, $from: a success, and it is not there" if $result->is_success and (!$is_there or $refuses);
        push @problems, "$place, $from: no doubt, and it is there" if $result->is_deferral and $is_there and !$result->maybe_delivered and !$refuses;
        push @problems, "$place, $from: a refusal of nobody's" if $result->is_failure and !$refuses;
    }
}
is(join("\n", @problems), '', 'what was said is what the servers have');
cmp_ok($count{$_} || 0, '>', 0, "there is: $_") for 'success', 'failure', 'deferral', 'deferral, maybe';
note("$count{$_} of $_") for sort keys %count;

done_testing;
