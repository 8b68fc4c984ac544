# The examples of eg/ for event loops: each delivers over many links at once, in one process, and says by its exit status
# whether every recipient was accepted.

use strict;
use warnings;

use File::Temp ();
use lib 'xt/lib';
use Mail::Wire::Sink;
use RealServer;
use Test::More;

RealServer->need((map { [ $_, scalar eval { require "$_.pm" } ] } qw(AnyEvent EV)), qw(IO::Async::Loop Mojo::IOLoop));

my $links = 50;
my $recipients = 2000;

sub run_example {
    my ($name, @arguments) = @_;
    defined(my $pid = open my $out, '-|') or die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or exit 126;
        alarm 120;
        exec { $^X } $^X, '-Mblib=.', "eg/$name.pl", @arguments or exit 127;
    }
    my $output = do { local $/; <$out> };
    close $out;
    return ($?, $output);
}

for my $name (qw(anyevent io-async mojo select)) {
    my ($status, $output) = run_example($name);
    is($status, 0, "$name: all accepted");
    like($output, qr/^$links links, $recipients recipients: $recipients accepted, 0 not$/m, '... and so it says');

    for my $options ([ chunking => 0 ], [ pipelining => 0, chunking => 0 ]) {
        my $sink = Mail::Wire::Sink->new(@$options);
        ($status, $output) = run_example($name, $sink->host, $sink->port);
        is($status, 0, "$name, @$options: all accepted") or diag($output);
        my %links = map { $_->{link} => 1 } $sink->messages;
        is(scalar keys %links, $links, '... over as many links');
        is(scalar(map { @{ $_->{recipients} } } $sink->messages), $recipients, '... by as many recipients');
    }

    my $sink = Mail::Wire::Sink->new(final => { 'ben@example.org' => '452 4.2.2 Full' });
    ($status, $output) = run_example($name, $sink->host, $sink->port);
    is($status >> 8, 1, "$name, recipients refused: another exit status");
    like($output, qr/ 1000 accepted, 1000 not$/m, '... and the count');

    # The message after which a link ends is accepted, the others are not.
    $sink = Mail::Wire::Sink->new(close_after => 5);
    ($status, $output) = run_example($name, $sink->host, $sink->port);
    is($status >> 8, 1, "$name, links lost: another exit status");
    my ($accepted, $not) = $output =~ / (\d+) accepted, (\d+) not$/m;
    cmp_ok($accepted, '<=', $links * 5 * 2, '... with no more accepted than the server has');
    is($accepted + $not, $recipients, '... and a result for each');

    ($status, $output) = run_example($name, '/nonexistent/socket', 0);
    isnt($status, 0, "$name, no server: another exit status");
    like($output, qr/^Cannot connect to /m, '... and why');
}

{
    my ($status, $output) = run_example('submit');
    is($status, 0, 'submit: as expected');
    like($output, qr/^66 \(message 66\): .*\n^67 \(message 67\): .*\n^1998 accepted, 0 to be tried again, 2 refused$/m, '... and so it says');

    my $mbox = File::Temp->new;
    print {$mbox} map {"From a\@example.org\nSubject: $_\n\n>From here\n>>From there\n.\n\n"} 1 .. 3;
    close $mbox;
    my $sink = Mail::Wire::Sink->new;
    ($status, $output) = run_example('submit', $sink->host, $sink->port, 'a@example.org', 'b@example.org', "$mbox");
    is($status, 0, 'submit: messages of a file');
    is_deeply([ map { $_->{data} } $sink->messages ], [ map {"Subject: $_\r\n\r\nFrom here\r\n>From there\r\n.\r\n"} 1 .. 3 ],
        '... each as it stands there');
    $sink = Mail::Wire::Sink->new(final => '550 5.1.1 No');
    ($status, $output) = run_example('submit', $sink->host, $sink->port, 'a@example.org', 'b@example.org', "$mbox");
    is($status >> 8, 1, 'submit, refused: another exit status');
}

done_testing;
