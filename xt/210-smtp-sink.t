# Postfix' smtp-sink as an LMTP server: TCP and UNIX socket; what it dumps is what was sent; refusals at
# each command.

use strict;
use warnings;

use lib 'xt/lib';
use RealServer;
use Test::More;
use TestMail;

RealServer->need('smtp-sink');

subtest 'TCP'         => sub { my ($server, $dump) = start(); check($server, $dump, '127.0.0.1', $server->port) };
subtest 'UNIX socket' => sub {
    my $path = RealServer->directory . '/lmtp';
    chmod_for_server($path);
    my ($server, $dump) = start(path => $path);
    check($server, $dump, $path);
};
subtest "refused at $_->[0]" => sub { check_refusal(@$_) } for (
    # command refused, stage that the results say
    [ 'MAIL', 'mail' ], [ 'RCPT', 'rcpt' ], [ 'DATA', 'data' ], [ '.', 'final' ],
);
done_testing;

sub start {
    my (%arg) = @_;
    my $dump = RealServer->directory;
    chmod 0777, $dump or die "$dump: $!";
    my $server = RealServer->start(
        command => sub {
            return (
                RealServer->program('smtp-sink'), '-L', $> == 0 ? ('-u', 'nobody') : (),
                '-d', "$dump/message.", @{ $arg{options} || [] },
                defined $arg{path} ? "unix:$arg{path}" : "127.0.0.1:$_[0]", 100
            );
        },
        path   => $arg{path},
        banner => 1,
    );
    return ($server, $dump);
}

# The socket is made before smtp-sink gives up its rights; nobody else needs to write there.
sub chmod_for_server {
    my ($path) = @_;
    (my $folder = $path) =~ s{/[^/]+\z}{};
    chmod 0755, $folder or die "$folder: $!";
}

sub check {
    my ($server, $dump, @where) = @_;
    my $lmtp = new_lmtp(@where);
    for my $count (1, 3) {
        my @to = map {"user$_\@example.org"} 1 .. $count;
        for my $message (messages()) {
            my %before = map { $_ => 1 } glob "$dump/*";
            my $name = "$message->{name} to $count";
            ok(send_message($lmtp, $message->{text}, @to), $name);
            results_are([ $lmtp->data_results ],
                [ map { [ $_, 'success', 250, 'final', 0 ] } @to ], '  its results');
            my @new = grep { !$before{$_} } glob "$dump/*";
            is(scalar @new, 1, '  one dump') or next;
            is_dumped(RealServer::slurp($new[0]), $message->{text});
        }
    }
    ok($lmtp->quit, 'quit');
}

# A dump is smtp-sink's own headers (X-...-Args, Received), the message, and an empty line.
sub is_dumped {
    my ($dump, $text) = @_;
    1 while $dump =~ s/\A(?:X-[\w-]+|Received):[^\n]*\n(?:[ \t][^\n]*\n)*//;
    ok($dump eq "$text\n", '  which is what was sent')
        or diag(sprintf "sent %d bytes, dumped %d:\n%.300s", length $text, length $dump, $dump);
}

sub check_refusal {
    my ($command, $stage) = @_;
    my ($server) = start(options => [ '-f', $command ]);
    my $lmtp = new_lmtp('127.0.0.1', $server->port);
    my @to = map {"user$_\@example.org"} 1 .. 3;
    for my $time (1, 2) {
        ok(!send_message($lmtp, "Subject: no\n\nx\n", @to), "message $time is not accepted");
        is($lmtp->code, 500, '  with the code of the refusal');
        results_are([ $lmtp->results ],
            [ $stage eq 'mail' ? () : map { [ $_, 'failure', 500, $stage, 0 ] } @to ], '  results');
        ok($lmtp->reset, '  the link goes on');
    }
}
