# mailwire drain, three of them at once on one Maildir: into Dovecot by LMTP, and into mailfront by QMTP, which writes each message into a file.
# Each message arrives once, and the Maildir is empty then.

use strict;
use warnings;

use lib qw(t/lib xt/lib);
use DovecotServer;
use Test::More;

BEGIN { DovecotServer->need('tcpserver', 'mailfront', [ 'backend-queuedir of mailfront', -f '/usr/lib/mailfront/backend-queuedir.so' ]) }

use CommandTest;
use File::Temp ();
use List::Util ();

use constant { MESSAGES => 900, PROCESSES => 3, WAIT => 300 };

my @users = map {"user$_"} 0 .. 2;
my $dovecot = DovecotServer->start(users => \@users);
my $queue = RealServer->directory;
mkdir "$queue/$_" or die "$queue/$_: $!" foreach qw(new tmp);
local @ENV{qw(QUEUEDIR QUEUEDIR_NOSYNC)} = ($queue, 1);
my $mailfront = RealServer->start(command => sub {
    return (RealServer->program('tcpserver'), '-RHl0', '127.0.0.1', $_[0], RealServer->program('mailfront'), qw(qmtp queuedir accept));
});

my @expected = sort map { $users[ $_ % @users ] . " $_" } 1 .. MESSAGES;
check('Dovecot', $dovecot->url, sub {
    my $stored = $dovecot->stored(qr/^Subject: (\d+)$/m);
    return map { my $user = $_; map { ("$user $_") x $stored->{$user}{$_} } keys %{ $stored->{$user} } } keys %$stored;
});
check('mailfront', 'qmtp://127.0.0.1:' . $mailfront->port, sub {
    return map { read_file($_) =~ /\A[^\0]*\0([^\0@]*)\@[^\0]*\0+(?:.*\n)?Subject: (\d+)$/ms ? "$1 $2" : '?' } glob "$queue/new/*";
});
done_testing;

sub check {
    my ($name, $url, $arrived) = @_;
    my $maildir = maildir();
    my @pids = map { start({ wait => WAIT }, 'drain', '--prefix', 'q-', $url, $maildir) } 1 .. PROCESSES;
    my (@codes, @sent);
    foreach my $pid (@pids) {
        my ($code, $out, $err) = finish($pid);
        push @codes, $code;
        push @sent, scalar(my @lines = $out =~ /: success \(/g);
        diag($out, $err) if $code;
    }
    is_deeply(\@codes, [ (0) x PROCESSES ], "$name: the exit codes");
    is(List::Util::sum(@sent), MESSAGES, "... each tells of what it has sent: @sent");
    is_deeply([ sort $arrived->() ], \@expected, '... each message has arrived once');
    is_deeply([ glob "$maildir/{new,cur}/*" ], [], '... and is not in the Maildir any more');
    return;
}

sub maildir {
    my $folder = File::Temp->newdir;
    mkdir "$folder/$_" or die "$folder/$_: $!" foreach qw(new cur tmp);
    foreach my $n (1 .. MESSAGES) {
        my $envelope = "Return-Path: <a\@example.org>\nDelivered-To: q-$users[ $n % @users ]\@example.org\n";
        write_file($n % 3 ? "$folder/new/$n.x" : "$folder/cur/$n.x:2,S", "${envelope}Subject: $n\n\nText of $n\n");
    }
    return $folder;
}
