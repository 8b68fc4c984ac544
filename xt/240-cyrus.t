# Cyrus' LMTP server on a UNIX socket: deliveries and submits over the fence, with refused recipients and refused content in between.
# It leaves a transaction open at a LHLO in mid-session.

use strict;
use warnings;

use lib 'xt/lib';
use CyrusServer;
use File::Find ();
use RealServer;
use Test::More;
use TestMail;

CyrusServer->need;

use constant LIMIT => 100_000;
my $dir = CyrusServer->directory;
my $server = CyrusServer->start(dir => $dir, conf => 'maxmessagesize: ' . LIMIT . "\n");

# To, expected codes. DATA is refused where nobody was accepted. big is over the server's limit, and comes in pieces, so that nobody knows:
# refused at its end, by one reply whoever it is for, and the transaction stays open.
my @messages = (
    [ ['alice'],                     [250] ],
    [ ['bob'],                       [250] ],
    [ ['missing'],                   [550] ],
    [ [ 'alice', 'missing', 'bob' ], [ 250, 550, 250 ] ],
    [ ['alice'],                     [250] ],
    [ [ 'missing', 'missing' ],      [ 550, 550 ] ],
    [ ['bob'],                       [552], big => 1 ],
    [ ['alice'],                     [250] ],
    [ [ 'bob', 'bob' ],              [ 250, 250 ] ],
    [ [ 'missing', 'alice' ],        [ 550, 250 ] ],
);
for my $how (qw(deliver submit)) {
    subtest $how => sub { check($how) };
}
subtest IGNOREQUOTA => \&check_ignorequota;
done_testing;

sub check {
    my ($how) = @_;
    my $lmtp = new_lmtp("$dir/lmtp", undef, EagerBody => 10_000);
    for my $round (1 .. 3) {
        send_all($lmtp, $how, "$how $round.1", @messages);
        send_all($lmtp, $how, "$how $round.2", reverse @messages);
    }
    ok($lmtp->quit, 'quit, on the link that all went over');
    return;
}

sub check_ignorequota {
    my $lmtp = new_lmtp("$dir/lmtp");
    is(scalar $lmtp->supports('IGNOREQUOTA'), '', 'it is offered');
    my @results = $lmtp->deliver(From => 'sender@example.org', To => [ [ 'alice', { IgnoreQuota => 1 } ], [ 'missing', { IgnoreQuota => 1 } ] ],
        Data => "From: <sender\@example.org>\nMessage-ID: <quota\@x>\nSubject: quota\n\nx\n");
    is_deeply([ map { $_->code } @results ], [ 250, 550 ], 'and taken') or diag(map { $_->as_string . "\n" } @results);
    ok($lmtp->quit, 'quit');
    return;
}

# Every result is as expected, and what was accepted is there, once.
sub send_all {
    my ($lmtp, $how, $name, @list) = @_;
    my (@results, %wanted);
    for my $n (0 .. $#list) {
        my ($to, $codes, %trait) = @{ $list[$n] };
        my $subject = "$name.$n.";
        my $text = "From: <sender\@example.org>\nMessage-ID: <$subject\@x>\nSubject: $subject\n\n" . "a line\n" x ($trait{big} ? LIMIT / 5 : 2);
        $text =~ s/<\K(\w+) (?=[0-9])/$1-/;
        # One INBOX has a message once for each recipient of that name.
        $wanted{$subject} = grep { $_ == 250 } @$codes;
        my @pieces = $text =~ /(.{1,1000})/gs;
        my @message = (From => 'sender@example.org', To => $to, Data => $trait{big} ? sub { shift @pieces } : $text);
        if ($how eq 'submit') { $lmtp->submit(@message) }
        else                  { push @results, [ $lmtp->deliver(@message) ] }
    }
    while (my $delivery = $lmtp->collect) { push @results, [ $delivery->results ] }
    is_deeply([ map { [ map { $_->code } @$_ ] } @results ], [ map { $_->[1] } @list ], "$name: results")
        or diag(map { map { $_->as_string . "\n" } @$_ } @results);
    my $stored = stored();
    is_deeply({ map { $_ => $stored->{$_} || 0 } keys %wanted }, \%wanted, '  and what is in the mailboxes');
    return;
}

# How many messages there are of each subject.
sub stored {
    my %count;
    File::Find::find({ no_chdir => 1, wanted => sub {
        $count{$1}++ if m{/[0-9]+\.\z} and RealServer::slurp($_) =~ /^Subject: (.*?)\r?$/m;
    } }, "$dir/spool");
    return \%count;
}
