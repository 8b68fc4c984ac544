package SenderTest;

# What the tests of Email::Sender's transports share: a message is sent, and what came of it is a line.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(sent outcome $MAIL);

our $MAIL = "From: ann\@example.org\nSubject: Hello\n\nHello.\n.\n";

# What send returned, or threw.
sub sent {
    my ($transport, $to, %env) = @_;
    my $text = delete $env{text};
    local $@;
    my $success = eval { $transport->send(defined $text ? $text : $MAIL, { from => 'ann@example.org', to => $to, %env }) };
    return $success || $@;
}

# 'Multi(Temporary:450) b@x | a@x': the class, whom it is about, and who has it; `?` behind who may have it, the code behind a class.
sub outcome {
    my ($outcome) = @_;
    return "died: $outcome" if not ref $outcome;
    my ($class) = ref($outcome) =~ /\AEmail::Sender::(?:Failure::)?(\w+?(?:::Partial)?)(?:__WITH__|\z)/;
    my $failure = $class eq 'Success::Partial' ? $outcome->failure : $class eq 'Success' ? undef : $outcome;
    my $multi = $failure && $failure->isa('Email::Sender::Failure::Multi') && join '+', map { outcome($_) =~ /\A(\S+)/ } $failure->failures;
    my %doubt = map { $_ => 1 } $outcome->maybe_delivered;
    my $who = join ' ', $class . ($multi ? "($multi)" : $failure && $failure->code ? ':' . $failure->code : ''),
        $failure ? join(',', map { $doubt{$_} ? "$_?" : $_ } $failure->recipients) : ();
    return $outcome->delivered ? "$who | " . join ',', $outcome->delivered : $who;
}

1;
