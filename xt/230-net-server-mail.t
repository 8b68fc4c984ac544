# Net::Server::Mail::LMTP, the server of many Perl test suites. It joins its final replies into one
# reply of several lines with codes of their own, which its banner gives away.

use strict;
use warnings;

use lib 'xt/lib';
use RealServer;
use Test::More;
use TestMail;

RealServer->need('Net::Server::Mail::LMTP');

my $dir = RealServer->directory;
my $server = RealServer->start(
    command => sub { return ($^X, 'xt/net-server-mail.pl', $_[0], $dir) },
    banner  => 1,
);

# recipients, what each comes to
my @table = (
    { name => 'one',                    to => [qw(alice)],              status => [qw(success)] },
    { name => 'one that fails',         to => [qw(fails)],              status => [qw(failure)] },
    { name => 'three',                  to => [qw(alice bob carol)],    status => [qw(success success success)] },
    { name => 'three, the last fails',  to => [qw(alice bob fails)],    status => [qw(success success failure)] },
    { name => 'three, the first fails', to => [qw(fails bob carol)],    status => [qw(failure success success)] },
    { name => 'equal ones',             to => [qw(alice alice fails)],  status => [qw(success success failure)] },
);

my $lmtp = new_lmtp('127.0.0.1', $server->port);
for my $case (@table) {
    subtest $case->{name} => sub { check($case) };
}
subtest 'one refused at RCPT, one at the end' => sub {
    ok(!send_message($lmtp, "Subject: x\n\nx\n", map {"$_\@example.org"} qw(refused alice fails)), 'sent');
    results_are([ $lmtp->results ],
        [ [ 'refused@example.org', 'failure', 550, 'rcpt', 0 ], row('alice', 'success'), row('fails', 'failure') ],
        'results');
};
ok($lmtp->quit, 'quit');
done_testing;

sub check {
    my ($case) = @_;
    my $all_well = !grep { $_ ne 'success' } @{ $case->{status} };
    for my $message (messages()) {
        my $before = () = glob "$dir/*";
        my $ok = send_message($lmtp, $message->{text}, map {"$_\@example.org"} @{ $case->{to} });
        is($ok, $all_well ? 1 : 0, $message->{name});
        my @rows = map { row($case->{to}[$_], $case->{status}[$_]) } 0 .. $#{ $case->{to} };
        results_are([ $lmtp->data_results ], \@rows, '  its results');
        my @kept = glob "$dir/*";
        splice @kept, 0, $before;
        is(scalar @kept, scalar(grep { $_ eq 'success' } @{ $case->{status} }), '  copies kept');
        is(scalar(grep { !is_sent($_, $message) } @kept), 0, '  each as it was sent');
    }
}

sub row {
    my ($name, $status) = @_;
    return [ "$name\@example.org", $status, $status eq 'success' ? 250 : 550, 'final', 0 ];
}

sub is_sent {
    my ($file, $message) = @_;
    (my $text = RealServer::slurp($file)) =~ s/\r\n/\n/g;
    return $text eq $message->{text};
}
