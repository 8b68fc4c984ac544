#!/usr/bin/perl
# Makes HTML of all manual pages: "make html", or docs/html.pl FOLDER. What it needs comes with perl.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(mkpath);
use FindBin ();

# Where pages of others are.
my $ELSEWHERE = 'https://metacpan.org/pod/';

my $to = shift;
die "usage: $0 FOLDER\n" if !defined $to or @ARGV;

chdir "$FindBin::Bin/.." or die "$FindBin::Bin/..: $!\n" if $to =~ m{\A/};
my %page = pages();
write_file("$to/style.css", join '', <DATA>);
my @about;
for my $name (sort keys %page) {
    my $parser = Page->new;
    my $html   = '';
    $parser->index(1);
    $parser->output_string(\$html);
    $parser->parse_file($page{$name}{file});
    die "$page{$name}{file}: not a manual page\n" if !$parser->content_seen;
    my ($about) = $html =~ m{<h1[^>]*>NAME</h1>\s*<p>.*? - (.*?)</p>}s;
    push @about, [ $name, defined $about ? $about : '' ];
    $page{$name}{body} = $html;
}
my %ids = map { $page{$_}{html} => [ $page{$_}{body} =~ /\bid="([^"]*)"/g ] } keys %page;
write_file("$to/$_->{html}", document($_->{name}, $_->{html}, $_->{body})) for values %page;
write_file("$to/index.html", document('Mail-Wire', 'index.html', contents()));
print "$to/index.html\n";

# By MANIFEST: those that have a manual.
sub pages {
    open my $manifest, '<', 'MANIFEST' or die "MANIFEST: $!\n";
    my %found;
    for my $file (map {m{\A(lib/\S+\.(?:pm|pod)|script/mailwire)\b}} <$manifest>) {
        open my $fh, '<', $file or die "$file: $!\n";
        next if !grep {/^=head1 NAME/} <$fh>;
        (my $path = $file) =~ s{\Alib/|\Ascript/|\.\w+\z}{}g;
        (my $name = $path) =~ s{/}{::}g;
        $found{$name} = { name => $name, file => $file, html => "$path.html" };
    }
    return %found;
}

# The manual, then what programs use, then the rest.
sub contents {
    my @groups = (
        [ 'Manual'      => qr/\AMail::Wire::Manual\b/ ],
        [ 'Beside it'   => qr/\AMail::Wire::(?:Cookbook|Migration)\z/ ],
        [ 'Command'     => qr/\Amailwire\z|::Command::(?:Check|Connection|Deliver|Drain|Import|Plan|Send|Sink|Status|Worker)\z/ ],
        [ 'Modules'     => qr/\A(?:Net::|Email::|Mail::Wire(?:::(?:Delivery|Mailbox|Pool|Result|Sink))?\z)/ ],
        [ 'From inside' => qr/./ ],
    );
    my ($html, @left) = ('', @about);
    for my $group (@groups) {
        my ($title, $pattern) = @$group;
        $html .= "<h1>$title</h1>\n<dl>\n";
        $html .= qq(<dt><a href="$page{ $_->[0] }{html}">$_->[0]</a></dt><dd>$_->[1]</dd>\n) for grep { $_->[0] =~ $pattern } @left;
        $html .= "</dl>\n";
        @left = grep { $_->[0] !~ $pattern } @left;
    }
    return $html;
}

sub document {
    my ($title, $path, $body) = @_;
    my $up = '../' x ($path =~ tr{/}{});
    $body =~ s{href="page:([^#"]*)(?:#([^"]*))?"}{ qq(href="$up$1) . place($1, $2) . '"' }ge;
    $body =~ s{href="#([^"]*)"}{ 'href="' . place($path, $1) . '"' }ge;
    return <<"HTML";
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<link rel="stylesheet" href="${up}style.css">
</head>
<body>
<p class="up"><a href="${up}index.html">Mail-Wire</a></p>
$body
</body>
</html>
HTML
}

# A method's heading may have its arguments behind the name: a link has the name alone.
sub place {
    my ($path, $section) = @_;
    return '' if !defined $section;
    my @ids = @{ $ids{$path} || [] };
    my ($found) = ((grep { $_ eq $section } @ids), grep {/\A\Q$section\E(?![A-Za-z0-9_])/} @ids);
    return '#' . (defined $found ? $found : $section);
}

sub write_file {
    my ($file, $text) = @_;
    mkpath(dirname($file));
    open my $fh, '>:encoding(UTF-8)', $file or die "$file: $!\n";
    print {$fh} $text;
    close $fh or die "$file: $!\n";
    return;
}

BEGIN {
    package Page;

    require Pod::Simple::XHTML;
    our @ISA = ('Pod::Simple::XHTML');

    sub new {
        my $self = Pod::Simple::XHTML::new(@_);
        $self->html_header('');
        $self->html_footer('');
        $self->strip_verbatim_indent(sub { my ($lines) = @_; return (sort { length $a <=> length $b } map {/\A(\s+)\S/} @$lines)[0] });
        return $self;
    }

    sub resolve_pod_page_link {
        my ($self, $name, $section) = @_;
        my $anchor = defined $section ? '#' . $self->idify($self->encode_entities($section), 1) : '';
        return $anchor if !defined $name;
        return ($page{$name} ? "page:$page{$name}{html}" : "$ELSEWHERE$name") . $anchor;
    }
}

__DATA__
body { margin: 0 auto; padding: 1rem; max-width: 56rem; font: 1rem/1.5 system-ui, sans-serif; color: #1c2128; background: #fff; }
h1, h2, h3, h4 { line-height: 1.25; margin: 1.6em 0 0.5em; }
h1 { font-size: 1.35rem; border-bottom: 1px solid #d9dde3; padding-bottom: 0.2rem; }
h2 { font-size: 1.15rem; }
h3, h4 { font-size: 1rem; }
a { color: #1f5fa8; }
pre { padding: 0.75rem; overflow-x: auto; background: #f5f6f8; border-radius: 4px; }
pre, code { font: 0.875rem/1.45 ui-monospace, monospace; }
dt { font-weight: 600; margin-top: 0.75rem; }
#index { columns: 2 18rem; font-size: 0.9rem; }
ul { padding-left: 1.4rem; }
@media (prefers-color-scheme: dark) {
  body { color: #d7dce3; background: #16191e; }
  pre { background: #22262d; }
  h1 { border-color: #3a4049; }
  a { color: #7fb2f0; }
}
