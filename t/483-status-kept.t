# $@ and $! are what they were after every call that went well.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use File::Temp ();
use LMTPTest;
use Mail::Wire;
use Net::LMTP;
use ScriptedServer;

use constant { BEFORE => "what it was\n", ERRNO => 7 };

sub kept {
    my ($name, $code) = @_;
    my $wantarray = 1;
    my @got;
    {
        local ($@, $!) = (BEFORE, ERRNO);
        @got = $code->();
        my ($error, $errno) = ($@, 0 + $!);
        is($error, BEFORE, "$name: \$\@");
        is($errno, ERRNO, "$name: \$!");
    }
    ok(@got && $got[0], "... it went well");
    return;
}

my @keywords = ('SIZE 100000', qw(DSN 8BITMIME BINARYMIME CHUNKING ETRN PIPELINING));

# Without it a call has less to do.
for my $debug (0, 1) {
    my ($lmtp, $server) = session(keywords => \@keywords, VRFY => '250 a@x', EXPN => "250-a\@x\r\n250 b\@x", HELP => '214 help',
        ETRN => '250 ok', SEND => '250 ok', SOML => '250 ok', SAML => '250 ok');
    my $name = $debug ? 'debug, ' : '';
    my $run = sub {
        my ($method, @arguments) = @_;
        my $output = stderr_of { kept("$name$method", sub { $lmtp->$method(@arguments) }) };
    };
    $lmtp->debug($debug);
    $run->(hello => 'client.example');
    $run->('hello');
    $run->($_) for qw(host is_connected banner domain opened timeout code message status ok);
    $run->(timeout => 20);
    $run->(supports => 'SIZE');
    $run->(verify => 'a@x');
    $run->(expand => 'a@x');
    $run->('help');
    $run->(etrn => 'x');
    $run->('_NOOP');
    $run->(command => 'NOOP');
    $run->('response');
    $run->(mail => 'a@x');
    $run->(to => 'b@x');
    $run->($_ => 'b@x', 'c@x', { SkipBad => 1, Notify => 'NEVER' }) for qw(recipient cc bcc);
    $run->('data');
    $run->(datasend => "x\n");
    $run->(datasend => \"x\n");
    $run->(rawdatasend => "x\r\n");
    $run->('dataend');
    $run->($_) for qw(results data_results);
    $run->(mail => 'a@x', Size => 10, Bits => 8);
    $run->(to => 'b@x');
    $run->(data => "x\n", "y\n");
    $run->(mail => 'a@x');
    $run->(to => 'b@x');
    my $file = File::Temp->new;
    print {$file} "text\n" x 10;
    seek $file, 0, 0;
    $run->(data => $file);
    $run->('mail', 'a@x');
    $run->('reset');
    $run->(mail => 'a@x');
    $run->(to => 'b@x');
    $run->(bdat => "x\r\n");
    $run->(bdatlast => "x\r\n");
    for my $way (qw(deliver submit)) {
        for my $case (
            [ 'a text' => sub { Data => "x\n" } ],
            [ 'a reference' => sub { Data => \"x\n" } ],
            [ 'a list' => sub { Data => [ "x\n", "y\n" ] } ],
            [ 'a handle' => sub { seek $file, 0, 0; (Data => $file) } ],
            [ 'code' => sub { my @pieces = ("x\n", "y\n"); (Data => sub { shift @pieces }) } ],
            [ 'a file' => sub { File => "$file" } ],
            [ 'options' => sub { (Data => "x\n", Deadline => 20, Size => 10) } ],
        ) {
            my ($what, $make) = @$case;
            my @data = $make->();
            my $output = stderr_of { kept("$name$way of $what", sub { $lmtp->$way(From => 'a@x', To => [ 'b@x', 'c@x' ], @data) }) };
            $output = stderr_of { kept("${name}collect", sub { my $delivery = $lmtp->collect; $delivery && $delivery->is_success }) }
                if $way eq 'submit';
        }
    }
    $run->($_) for qw(finish flush);
    $run->('quit');
}

for my $case (
    [ 'new'        => sub { Net::LMTP->new(@_, Hello => 'client.example') } ],
    [ 'new without Hello' => sub { Net::LMTP->new(@_) } ],
    [ 'new by options' => sub { Net::LMTP->new(Host => $_[0], Port => $_[1], Timeout => 20, Blocking => 0) } ],
    [ 'new by name and service' => sub { Net::LMTP->new($_[0], "no-such-service($_[1])") } ],
    [ 'new with several hosts' => sub { Net::LMTP->new([ '/no/such/socket', $_[0] ], $_[1]) } ],
    [ 'connect'    => sub { Mail::Wire->connect("lmtp://$_[0]:$_[1]") } ],
) {
    my ($name, $code) = @$case;
    my $server = ScriptedServer->new(script => ScriptedServer::session());
    my $lmtp;
    kept($name, sub { $lmtp = $code->($server->args); $lmtp });
    kept('close', sub { $lmtp->close });
    kept('an object that goes', sub { undef $lmtp; 1 });
}

done_testing;
