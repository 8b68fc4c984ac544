package Sweep::LMTPServer;

# The honest half of an LMTP server: what it takes and what it says, over a Sweep::Wire.
#
# Of recipients, no... is refused by RCPT, full... and bad... at the end (452, 554). A message is called by the local part of its
# sender. The points of its replies: "greeting", "lhlo 2", "rset 1", "mail m1", "rcpt m1 0", "data m1", "chunk m1 0", "final m1 0".

use strict;
use warnings;

my %at_end = (full => '452 4.2.2', bad => '554 5.6.0');

sub serve {
    my ($wire, $setup) = @_;
    my $self = bless { wire => $wire, keywords => $setup->{keywords}, count => {}, messages => {}, problems => [] }, __PACKAGE__;
    eval { $self->session; 1 } or $@ eq "gone\n" or push @{ $self->{problems} }, "server: $@";
    return { map { $_ => $self->{$_} } qw(messages problems) };
}

sub say {
    my ($self, $point, $text) = @_;
    $self->{wire}->say($point, substr($text, 0, 3), "$text\r\n");
    return;
}

sub counted {
    my ($self, $what) = @_;
    return "$what " . ++$self->{count}{$what};
}

sub session {
    my ($self) = @_;
    $self->say('greeting', '220 s LMTP');
    while (1) {
        my $line = $self->{wire}->line;
        my ($verb, $rest) = $line =~ /\A([A-Z]+) ?(.*)\r\n\z/s;
        my $method = defined $verb && $self->can("do_\L$verb");
        if ($method) {
            $self->$method($rest);
        }
        else {
            push @{ $self->{problems} }, "no command: $line";
            $self->say($self->counted('other'), '500 5.5.2 what?');
        }
    }
    return;
}

sub do_lhlo {
    my ($self) = @_;
    $self->{message} = undef;
    my @lines = ('s', @{ $self->{keywords} }, '8BITMIME');
    my $last = pop @lines;
    $self->say($self->counted('lhlo'), join "\r\n", (map {"250-$_"} @lines), "250 $last");
    return;
}

sub do_rset {
    my ($self) = @_;
    $self->{message} = undef;
    $self->say($self->counted('rset'), '250 2.0.0 reset');
    return;
}

sub do_quit { $_[0]->say(quit => '221 2.0.0 bye') }

sub do_mail {
    my ($self, $rest) = @_;
    my ($name) = $rest =~ /\AFROM:<([^@>]*)/;
    return $self->say($self->counted('other'), '503 5.5.1 nested') if $self->{message};
    my $message = { name => $name, rcpts => [], body => '' };
    push @{ $self->{problems} }, "$name a second time" if $name ne '' and $self->{messages}{$name};
    $self->{messages}{$name} = $self->{message} = $message;
    $self->say("mail $name", "250 2.1.0 $name");
    return;
}

sub do_rcpt {
    my ($self, $rest) = @_;
    my $message = $self->{message} or return $self->say($self->counted('other'), '503 5.5.1 no MAIL');
    my ($local) = $rest =~ /\ATO:<([^@>]*)/;
    my $place = "$message->{name} " . @{ $message->{rcpts} };
    my $accepted = $local =~ /\Ano/ ? 0 : 1;
    push @{ $message->{rcpts} }, { local => $local, accepted => $accepted };
    $self->say("rcpt $place", $accepted ? "250 2.1.5 $place" : "550 5.1.1 $place");
    return;
}

sub takes {
    my ($self) = @_;
    my $message = $self->{message};
    return $message && (grep { $_->{accepted} } @{ $message->{rcpts} }) ? 1 : 0;
}

sub do_data {
    my ($self) = @_;
    my $message = $self->{message};
    return $self->say($self->counted('other'), '503 5.5.1 nobody') if !$self->takes;
    $self->say("data $message->{name}", '354 go');
    while ((my $line = $self->{wire}->line) ne ".\r\n") {
        $line =~ s/\A\.//;
        $message->{body} .= $line;
    }
    return $self->end;
}

sub do_bdat {
    my ($self, $rest) = @_;
    my ($size, $last) = $rest =~ /\A([0-9]+)( LAST)?\z/;
    my $bytes = $self->{wire}->bytes($size);
    my $message = $self->{message};
    if (!$self->takes) {
        $self->{message} = undef if $last;
        return $self->say($self->counted('other'), '503 5.5.1 nobody');
    }
    $message->{body} .= $bytes;
    return $self->end if $last;
    $self->say("chunk $message->{name} " . ($message->{chunks}++ || 0), '250 2.0.0 chunk');
    return;
}

# One reply for each recipient that was accepted (RFC 2033 4.2).
sub end {
    my ($self) = @_;
    my $message = delete $self->{message};
    $message->{ended} = 1;
    my $rcpts = $message->{rcpts};
    for my $i (grep { $rcpts->[$_]{accepted} } 0 .. $#$rcpts) {
        my $code = $at_end{ $rcpts->[$i]{local} } || '250 2.0.0';
        $self->say("final $message->{name} $i", "$code $message->{name} $i");
    }
    return;
}

1;
