# mailwire import as somebody watches it: a terminal shows a bar, a pipe gets plain lines; a server that refuses a tenth and defers a tenth, until it
# is asked again; SIGINT in mid-run, and the next run goes on.

use strict;
use warnings;

use lib qw(t/lib xt/lib);
use RealServer;
use Test::More;

BEGIN { RealServer->need('script') }

use CommandTest;
use File::Spec ();
use Mail::Wire::Sink ();

use constant { MESSAGES => 12_000, WAIT => 300 };

my $dir = RealServer->directory;
my $box = write_file("$dir/box", join '', map { mail($_) } 1 .. MESSAGES);
my %some = (rcpt => { 'u1@example.org' => '550 5.1.1 No such user' }, final => { 'u2@example.org' => '452 4.2.2 Mailbox full' });
my $tenth = MESSAGES / 10;

subtest 'a tenth is refused, a tenth deferred' => sub {
    my $sink = Mail::Wire::Sink->new(%some);
    my @import = ('import', $sink->url, qw(--to-header Delivered-To --retry 0 --journal), "$dir/tenths", $box);
    my ($code, $out, $err) = mailwire({ wait => WAIT }, @import);
    is($code, 67, 'the exit code is that of the worst');
    is_deeply(counted($out), { success => 8 * $tenth, failure => $tenth, deferral => $tenth }, 'the numbers');
    like($err, qr/^\d+ messages, \d+\/s$/m, 'a pipe gets plain lines') or diag($err);
    unlike($err, qr/[\r\e]/, '... without the signs of a bar');
    $sink->rules(final => undef);
    ($code, $out) = mailwire({ wait => WAIT }, @import, '-q');
    is($code, 0, 'those that were deferred are sent by the next run');
    is_deeply(counted($out), { success => $tenth, answered => 9 * $tenth }, '... and only these');
    is_deeply(twice($sink), [], 'nobody has one twice');
};

subtest 'a terminal' => sub {
    my $sink = Mail::Wire::Sink->new;
    my $output = on_a_terminal('import', $sink->url, qw(--to-header Delivered-To), $box);
    like($output, qr/\r\[=* *\] +\d+%  \d+ messages, \d+\/s  \d+:\d\d:\d\d left\e\[K/, 'shows a bar') or diag($output);
    like($output, qr/\r\e\[K[^\r]*${\ MESSAGES} messages read/, '... which is gone when the summary comes');
    like($output, qr/^ +${\ MESSAGES} (?:\e\[32m)?success/m, '... of all');
};

subtest 'SIGINT' => sub {
    my $sink = Mail::Wire::Sink->new;
    my @import = ('import', $sink->url, qw(-q --to-header Delivered-To --journal), "$dir/interrupted", $box);
    my $pid = start({ wait => WAIT }, @import);
    ok(wait_for(sub { (-s "$dir/interrupted" || 0) > 100_000 }, WAIT), 'it has begun');
    kill 'INT', $pid;
    my ($code, $out, $err) = finish($pid);
    my $first = counted($out);
    is($code, 75, 'the exit code') or diag($err);
    cmp_ok($first->{success}, '<', MESSAGES, "$first->{success} were sent before");
    is_deeply([ grep { !/\A(?:success|deferral|not)\z/ } keys %$first ], [], '... and what was on its way was waited for');
    ($code, $out) = mailwire({ wait => WAIT }, @import);
    is($code, 0, 'the next run has no doubts');
    is_deeply(counted($out), { success => MESSAGES - $first->{success}, answered => $first->{success} }, '... and sends the rest');
    is_deeply(twice($sink), [], 'nobody has one twice');
    is(scalar(my @all = $sink->messages), MESSAGES, '... and all have arrived');
};
done_testing;

sub mail {
    my ($n) = @_;
    my $to = 'u' . $n % 10 . '@example.org';
    return "From a\@example.org Thu Jan  1 00:00:00 2026\nDelivered-To: $to\nMessage-ID: <m$n\@x>\n\n" . "Text of $n\n" x 20 . "\n";
}

# The lines of the summary: first word => number.
sub counted {
    my ($out) = @_;
    my %count;
    $count{$2} += $1 while $out =~ /^ +(\d+) (\w+)/mg;
    return \%count;
}

# Which messages have been accepted more than once.
sub twice {
    my ($sink) = @_;
    my %count;
    foreach my $message ($sink->messages) {
        my ($id) = $message->{data} =~ /^Message-ID: <(m\d+)\@x>/m;
        $count{$id} += grep { $_->{reply} =~ /\A2/ } @{ $message->{recipients} };
    }
    return [ grep { $count{$_} > 1 } sort keys %count ];
}

# What a terminal gets. The words hold nothing that a shell would take for its own.
sub on_a_terminal {
    my (@arguments) = @_;
    my @words = ($^X, (map { '-I' . File::Spec->rel2abs($_) } grep { !ref } @INC), File::Spec->rel2abs('script/mailwire'), @arguments);
    my $command = join ' ', map {"'$_'"} @words;
    local $ENV{SHELL} = '/bin/sh';
    local $ENV{TERM} = 'vt100';
    defined(my $pid = open my $out, '-|') or die "fork: $!";
    if (!$pid) {
        open STDIN, '<', File::Spec->devnull or exit 126;
        alarm WAIT;
        exec 'script', '-q', '-e', '-c', $command, File::Spec->devnull or exit 127;
    }
    my $output = do { local $/; <$out> };
    close $out;
    return $output;
}
